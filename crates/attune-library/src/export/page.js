
"use strict";
// Draws the plots and keeps a cursor in each at the time that sounds. A click on a plot seeks.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const sound = document.getElementById("sound");
  const WIDTH = 1000, LEFT = 40, RIGHT = 10, BOTTOM = 18;
  const duration = Math.max(data.duration, 0.1);
  const cursors = [];

  function element(name, attributes, parent) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (parent) parent.append(made);
    return made;
  }

  function clock(seconds) {
    const whole = Math.floor(seconds);
    return Math.floor(whole / 60) + ":" + String(whole % 60).padStart(2, "0");
  }

  // A plot of the times from `from` to `to`; `draw` is given the drawing and the place of a time.
  function plot(id, height, from, to, draw) {
    const viewBox = `0 0 ${WIDTH} ${height + BOTTOM}`;
    const svg = element("svg", { viewBox, role: "img" }, document.getElementById(id));
    const x = (time) => LEFT + (time - from) / (to - from) * (WIDTH - LEFT - RIGHT);
    const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    const step = steps.find((step) => (to - from) / step <= 12) || (to - from) / 10;
    for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
      element("line", { class: "rule", x1: x(time), x2: x(time), y1: 0, y2: height }, svg);
      const name = element("text", { x: x(time), y: height + 13, "text-anchor": "middle" }, svg);
      name.textContent = clock(time);
    }
    draw(svg, x);
    const line = element("line", { class: "cursor", x1: 0, x2: 0, y1: 0, y2: height }, svg);
    cursors.push((time) => {
      const inside = time >= from && time <= to;
      line.setAttribute("visibility", inside ? "visible" : "hidden");
      if (inside) line.setAttribute("transform", `translate(${x(time)} 0)`);
    });
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      const at = (event.clientX - box.left) / box.width * WIDTH;
      const time = from + (at - LEFT) / (WIDTH - LEFT - RIGHT) * (to - from);
      seek(Math.min(Math.max(time, 0), duration));
    });
  }

  function legend(id, entries) {
    for (const [colour, title] of entries) {
      const entry = document.createElement("span");
      const key = element("svg", { viewBox: "0 0 10 10" });
      element("rect", { width: 10, height: 10, ...colour }, key);
      entry.append(key, title);
      document.getElementById(id).append(entry);
    }
  }

  plot("answers", 56, 0, duration, (svg, x) => {
    for (const segment of data.segments) {
      const [left, width] = [x(segment.start), x(segment.end) - x(segment.start)];
      const box = element("rect", { x: left, y: 4, width, height: 48 }, svg);
      if (segment.colour) box.setAttribute("fill", segment.colour);
      else box.setAttribute("class", "none");
      const sure = segment.confidence === null ? "" : ` ${Math.round(100 * segment.confidence)} %`;
      element("title", {}, box).textContent = `${clock(segment.start)} ${segment.title}${sure}`;
      if (width > 8 * segment.title.length) {
        const name = element("text", { class: "on", x: left + width / 2, y: 32, "text-anchor": "middle" }, svg);
        name.textContent = segment.title;
      }
    }
  });

  plot("lines", 180, 0, duration, (svg, x) => {
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const y = 180 - 176 * share;
      element("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }, svg);
      const name = element("text", { x: LEFT - 4, y: y + 4, "text-anchor": "end" }, svg);
      name.textContent = `${100 * share} %`;
    }
    for (const line of data.lines.slice().reverse()) {
      const points = line.points.map(([time, p]) => `${x(time).toFixed(1)},${(180 - 176 * p).toFixed(1)}`);
      element("polyline", { class: "line", stroke: line.colour, points: points.join(" ") }, svg);
    }
  });
  legend("legend", data.lines.map((line) => [{ fill: line.colour }, line.title]));

  if (data.why) {
    const bars = data.why.bars;
    document.getElementById("why").hidden = false;
    const most = Math.max(0.001, ...bars.map((bar) => Math.abs(bar[2])));
    const heaviest = Math.max(1e-9, ...bars.map((bar) => bar[3]));
    plot("bars", 120, bars[0][0], bars[bars.length - 1][1], (svg, x) => {
      const attention = [];
      for (const [from, to, added, weight] of bars) {
        const height = Math.abs(added) / most * 56;
        const y = added > 0 ? 60 - height : 60;
        const side = added > 0 ? "for" : "against";
        const bar = element("rect", { class: side, x: x(from), y, width: x(to) - x(from) - 1, height }, svg);
        element("title", {}, bar).textContent = `${(100 * added).toFixed(1)} points`;
        attention.push(`${x((from + to) / 2)},${118 - 56 * weight / heaviest}`);
      }
      element("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: 60, y2: 60 }, svg);
      element("polyline", { class: "attention", points: attention.join(" ") }, svg);
    });
    legend("why-legend", [
      [{ class: "for" }, `what ${data.why.title} loses without it (most: ${(100 * most).toFixed(1)} points)`],
      [{ class: "against" }, "what it gains without it"],
      [{ class: "attention" }, "where attention lies"],
    ]);
  }

  function now(time) {
    const segment = data.segments.find((segment) => time < segment.end) || data.segments[data.segments.length - 1];
    const probable = data.lines.map((line) => {
      let best = line.points[0];
      for (const point of line.points) {
        if (point[0] > time) break;
        best = point;
      }
      return [line.title, best ? best[1] : 0];
    });
    probable.sort((a, b) => b[1] - a[1]);
    const listed = probable.slice(0, 3).map(([title, p]) => `${title} ${Math.round(100 * p)} %`);
    return `${clock(time)}  ${segment ? segment.title : ""} (${listed.join(", ")})`;
  }

  function show(time) {
    for (const move of cursors) move(time);
    document.getElementById("now").textContent = now(time);
  }

  function seek(time) {
    if (sound.src) sound.currentTime = time;
    show(time);
  }

  function follow() {
    show(sound.currentTime);
    if (!sound.paused && !sound.ended) requestAnimationFrame(follow);
  }
  sound.addEventListener("play", follow);
  for (const name of ["seeked", "timeupdate"]) sound.addEventListener(name, () => show(sound.currentTime));

  const ask = document.getElementById("ask");
  ask.hidden = sound.hasAttribute("src");
  sound.addEventListener("error", () => { ask.hidden = false; });
  document.getElementById("file").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (file) sound.src = URL.createObjectURL(file);
  });
  show(0);
})();
