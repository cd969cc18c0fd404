"""The network below the upstreams: persistent connections behind httpx's interface."""
