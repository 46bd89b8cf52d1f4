"""A judge worker without a model: it likes the letter e."""

import json
import sys


def say(**reply):
    sys.stdout.write(json.dumps(reply, ensure_ascii=False) + "\n")
    sys.stdout.flush()


say(reply="ready")
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "load":
        say(reply="loaded", name="e-lover", device="processor")
        continue
    for item in request["items"]:
        if any("too long" in answer for answer in item["answers"]):
            say(reply="failed", id=item["id"], what="The answers are too long.", hint="", details="")
            continue
        scores = {name: [float(answer.count("e")) for answer in item["answers"]] for name in request["criteria"]}
        say(reply="judged", id=item["id"], scores=scores, both_ways=1.0 if len(item["answers"]) > 1 else None)
