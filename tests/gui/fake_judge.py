"""A judge worker without a model: an answer's score is its length; one that says “fail” fails, “die” ends it."""

import json
import sys


def say(**values):
    print(json.dumps(values), flush=True)


say(reply="ready")
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "load":
        if "nowhere" in request["adapter"]:
            say(reply="failed", id=None, what="There is no adapter.", hint="Choose another.", details="")
        else:
            say(reply="loaded", name="judge", device="processor")
        continue
    for item in request["items"]:
        if "die" in item["answers"]:
            print("fell over", file=sys.stderr)
            sys.exit(7)
        if "fail" in item["answers"]:
            say(reply="failed", id=item["id"], what="It is too long.", hint="Shorten it.", details="")
        else:
            say(reply="judged", id=item["id"], scores={"": [len(answer) / 10 for answer in item["answers"]]})
