"""The settings of each user's server, as the administrator would write them."""

import os

from aqueduct_jupyter.server.http.operations import OperationHandler

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # traitlets puts it here

if "DATA_FOLDER" in os.environ:
    # Its upstream comes in variables, with a key for this one server.
    c.AqueductApp.data_folder = os.environ["DATA_FOLDER"]
elif "CAMPUS_URL" in os.environ:
    c.AqueductApp.upstreams = {
        "campus": {
            "base_url": os.environ["CAMPUS_URL"],
            "api_key_file": os.environ["CAMPUS_KEY_FILE"],
        }
    }

# A quarter of a minute is long for a test.
OperationHandler.heartbeat_seconds = 0.2
