"""Stands in for the workers that evaluate, export and serve: answers at once, or waits where a test wants it to."""

import json
import sys
from pathlib import Path


def say(**reply):
    print(json.dumps(reply), flush=True)


def main():
    say(reply="ready")
    for line in sys.stdin:
        request = json.loads(line)
        wanted = request.get("id")
        say(reply="progress", id=wanted, done=1, total=4, what="Working")
        if Path(sys.argv[2], "wait").exists():
            continue  # until standard input closes
        if Path(sys.argv[2], "fail").exists():
            say(reply="failed", id=wanted, what="It went wrong.", hint="Try again.", details="")
            continue
        match request["do"]:
            case "evaluate":
                loud = bool(request["adapter"])
                answer = {
                    "text": "Yes! Sure." if loud else "No.",
                    "ended": True,
                    "tokens": 3,
                    "kl": 0.5 if loud else None,
                }
                no = {"text": "I can't help with that.", "ended": True, "tokens": 6}
                reward = (2.0 if loud else 1.0) if request["reward"] else None
                say(
                    reply="evaluated",
                    id=wanted,
                    answers=[{**answer, "reward": reward} for _ in request["prompts"]],
                    refusals=[no for _ in request["harmful"]],
                    heldout={"nll": 10.0, "tokens": 10, "rows": 2} if request["heldout"] else None,
                    notes=["A note."] if loud else [],
                )
            case "contest":
                say(reply="judged", id=wanted, odds=[0.9 for _ in request["items"]], both_ways=1.0)
            case "export":
                folder = Path(request["plan"]["target"])
                folder.mkdir(parents=True)
                (folder / "plan.json").write_text(json.dumps(request["plan"]))
                say(
                    reply="exported", id=wanted, folder=str(folder), files=[["a.gguf", 5_000_000]], notes=["Mind this."]
                )
            case "combine":
                Path(request["target"]).mkdir(parents=True)
                say(reply="combined", id=wanted, folder=request["target"])
            case "compare":
                say(reply="compared", id=wanted, layers=[["a", 1.0, 2.0, 0.5]], whole=[1.0, 2.0, 0.5])
            case "upload":
                say(reply="uploaded", id=wanted, address=f"https://hub.example/{request['name']}")
            case "serve":
                say(reply="serving", id=wanted, address="http://127.0.0.1:1234/v1", model="base + tuned")
                say(reply="served", requests=1, failed=0, tokens=7, busy=0)


if __name__ == "__main__":
    main()
