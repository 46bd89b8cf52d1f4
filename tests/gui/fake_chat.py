"""A chat worker without a model. The message that it is sent says what it does: see `answer`."""

import json
import os
import sys
import threading
import time

stopped = threading.Event()


def say(**reply):
    sys.stdout.write(json.dumps(reply, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def load(request):
    base, adapter = os.path.basename(request["base"]), os.path.basename(os.path.dirname(request["adapter"]))
    say(reply="loading", what=base)
    if "broken" in adapter:
        return say(reply="failed", id=None, what="The adapter is damaged.", hint="Train it again.", details="why")
    say(reply="loaded", base=base, adapter=adapter, context=64, device="processor", precision="fp32 (small)")


def answer(request):
    number, prompts = request["id"], {pane: m[-1]["content"] for pane, m in request["messages"].items()}
    prompt = prompts["left"]
    if prompt == "too long":
        return say(reply="failed", id=number, what="The conversation is too long.", hint="Shorten it.", details="")
    for pane, wanted in request["panes"].items():
        say(reply="begun", id=number, pane=pane, model=f"really {wanted}", prompt_tokens=3)
    if prompt == "crash":
        say(reply="text", id=number, pane="left", text="half an ")
        print("RuntimeError: out of words", file=sys.stderr, flush=True)
        os._exit(9)
    pieces = {
        pane: [f"{pane} ", f"turn {len(m)} ", f"seed {request['sampling']['seed']}"]
        for pane, m in request["messages"].items()
    }
    if prompt == "html":
        pieces = {pane: ["<b>bold</b>\n", "<script>x</script> & \u2028 end"] for pane in pieces}
    step = 0
    while (prompt == "endless" and not stopped.is_set()) or step < 3:
        for pane, texts in pieces.items():
            say(reply="text", id=number, pane=pane, text=texts[step % len(texts)] if step % 3 < len(texts) else "")
        step += 1
        time.sleep(0.002)
    ended = "stopped" if stopped.is_set() else "end of turn"
    for pane in request["panes"]:
        say(reply="done", id=number, pane=pane, tokens=step, seconds=0.5, ended=ended)


def main():
    requests = []
    more = threading.Condition()

    def read():
        for line in sys.stdin:
            request = json.loads(line)
            if request["do"] == "stop":
                stopped.set()
                continue
            with more:
                requests.append(request)
                more.notify()
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    say(reply="ready")
    while True:
        with more:
            more.wait_for(lambda: requests)
            request = requests.pop(0)
        stopped.clear()
        load(request) if request["do"] == "load" else answer(request)


if __name__ == "__main__":
    main()
