"""The loop of a worker: lines of JSON in, lines of JSON out. Plain Python, so that it runs in any environment.

The protocol is described in finecops' docs/models/workers.md. Whatever else prints goes to standard error.
"""

import json
import os
import sys


def serve(answer) -> None:
    """Answer requests until the input ends. `answer(task, image_path, queries)` gives a dictionary per query.

    An exception becomes the request's error; the worker goes on.
    """
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    print(json.dumps({"ready": True, "protocol": 1}), file=out)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"answers": answer(request["task"], request["image"], request["queries"])}
        except Exception as error:  # the caller decides what a failure means
            reply = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps({"id": request["id"], **reply}), file=out)
