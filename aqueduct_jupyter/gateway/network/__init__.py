"""The network below the upstreams: connections that are kept, behind the interface of httpx."""
