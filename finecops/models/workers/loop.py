"""The loop of a worker: lines of JSON in, lines of JSON out. Plain Python, so that it runs in any environment.

finecops' docs/models/workers.md describes the protocol. Everything else that is printed goes to standard error.
"""

import json
import os
import sys


def serve(answer) -> None:
    """Answer requests until the input ends.

    `answer(task, image_path, queries)` returns one dictionary per query. An exception becomes the request's error, and
    the worker continues.
    """
    # Answers go to a copy of standard output. Standard output itself then points to standard error, also for libraries
    # in C that print.
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
