"""Opens a page in a headless Chromium, plays its sound, clicks into a plot, and prints what happened as JSON.

    page.py FILE.html

Chromium is driven through --remote-debugging-pipe: JSON messages that end with a zero byte, on descriptors 3 and 4.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

STORY = """
Promise.race([
(async () => {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const sound = document.getElementById("sound");
  const cursors = () => [...document.querySelectorAll(".plot .cursor")].map((line) => ({
    shown: line.getAttribute("visibility") !== "hidden",
    x: Number((line.getAttribute("transform") || "translate(0").match(/translate\\(([-0-9.]+)/)[1]),
  }));
  const before = cursors();
  await sound.play();
  await wait(1500);
  sound.pause();
  await wait(200);
  const played = { at: sound.currentTime, cursors: cursors(), now: document.getElementById("now").textContent };
  // Three quarters along the plot of all the time.
  const svg = document.querySelector("#answers svg");
  const box = svg.getBoundingClientRect();
  svg.dispatchEvent(new MouseEvent("click", { clientX: box.left + 0.75 * box.width, clientY: box.top + 5 }));
  await wait(500);
  return {
    title: document.title,
    heading: document.querySelector("h1").textContent,
    duration: sound.duration,
    before, played,
    sought: { at: sound.currentTime, cursors: cursors() },
    asks: !document.getElementById("ask").hidden,
    scripts: document.scripts.length,
    plots: document.querySelectorAll(".plot svg").length,
  };
})(),
new Promise((_, failed) => setTimeout(() => failed(new Error("the sound does not play")), 60000)),
])
"""


class Chromium:
    def __init__(self, profile):
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def descriptors():
            # Above what is replaced, so that none is lost on the way.
            reading, writing = os.dup2(to_read, 60), os.dup2(from_write, 61)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            [
                "chromium",
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--mute-audio",
                "--autoplay-policy=no-user-gesture-required",
                f"--user-data-dir={profile}",
                "--remote-debugging-pipe",
                "about:blank",
            ],
            preexec_fn=descriptors,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(from_write)
        self.out, self.into = to_write, os.fdopen(from_read, "rb")
        self.number, self.rest, self.said = 0, b"", []

    def message(self):
        while b"\0" not in self.rest:
            part = self.into.read1(1 << 16)
            if not part:
                raise SystemExit("chromium ended early")
            self.rest += part
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.note(answer)

    def note(self, event):
        """Errors, refusals by the page's policy, and whatever the page writes to its console."""
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.said.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        elif method in ("Runtime.consoleAPICalled", "Page.javascriptDialogOpening"):
            self.said.append(json.dumps(params)[:500])
        self.loaded = getattr(self, "loaded", False) or method == "Page.loadEventFired"


page = pathlib.Path(sys.argv[1]).resolve()
with tempfile.TemporaryDirectory() as profile:
    browser = Chromium(profile)
    try:
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            browser.call(f"{domain}.enable", session)
        browser.call("Page.navigate", session, url=page.as_uri())
        while not getattr(browser, "loaded", False):
            browser.note(browser.message())
        result = browser.call("Runtime.evaluate", session, expression=STORY, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(json.dumps(result["exceptionDetails"])[:2000])
        json.dump({**result["result"]["value"], "said": browser.said}, sys.stdout)
    finally:
        browser.process.terminate()
        browser.process.wait()
