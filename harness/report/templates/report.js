"use strict";
// Draws the plot of the chosen device; colours follow the page's light or dark scheme.
const data = JSON.parse(document.getElementById("data").textContent);
const names = Object.keys(data.devices);
const select = document.getElementById("device");
const plot = document.getElementById("plot");
const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LANES = ["alert", "advice", "order", "work order"];
const OTHERS = ["#c2780c", "#2a9d63", "#d1495b", "#17a2b8", "#8c6d31"];

function curve(item, index) {
  const base = { x: item.x, y: item.y, name: item.title, type: "scatter", mode: "lines" };
  if (item.kind === "truth") {
    // The curves come with the most damaged component first: it has the colour of truth.
    const color = index ? OTHERS[(index - 1) % OTHERS.length] : tone("--truth");
    return { ...base, line: { color, width: index ? 1.4 : 2 }, hovertemplate: "%{y:.1f} %" };
  }
  if (item.kind === "belief") {
    return {
      ...base, line: { color: tone("--service"), width: 2, dash: "dot" }, hovertemplate: "%{y:.1f} %",
    };
  }
  return { ...base, yaxis: "y3", line: { width: 1.2 }, hovertemplate: "%{y:.3g}" };
}

function lane(bar, index) {
  // A step without length still deserves a visible mark.
  const steps = bar.steps.slice().sort((a, b) => a.at_ms - b.at_ms);
  const x = steps.map((step) => step.at_ms);
  const text = steps.map((step) => `${bar.lane} ${step.name}: ${bar.title}`);
  const points = {
    x, y: x.map(() => bar.lane), text, yaxis: "y2", type: "scatter", mode: "markers+lines",
    showlegend: false, hovertemplate: "%{text}<extra></extra>",
    // The rim keeps steps apart that follow each other closely.
    marker: {
      size: 10, color: tone(bar.lane === "alert" ? "--warn" : "--service"),
      line: { width: 1.5, color: tone("--card") },
    },
    line: { width: 4, color: tone(bar.lane === "alert" ? "--warn" : "--service") },
  };
  if (bar.lane === "alert" && bar.to_ms > x[x.length - 1]) {
    points.x = [...x, bar.to_ms];
    points.y = points.x.map(() => bar.lane);
    points.text = [...text, `alert still active: ${bar.title}`];
  }
  return points;
}

function marks(list) {
  const shown = list.filter((mark) => mark.who === "truth");
  return {
    x: shown.map((mark) => mark.at_ms), y: shown.map(() => "truth"), yaxis: "y2", type: "scatter",
    mode: "markers", showlegend: false, text: shown.map((mark) => mark.text),
    hovertemplate: "%{text}<extra></extra>",
    marker: { size: 11, symbol: "diamond", color: shown.map((mark) => tone(mark.tone === "bad" ? "--bad" : "--truth")) },
  };
}

function lines(device) {
  // What changed the course of things stands as a line through all three plots.
  const moments = device.marks.map((mark) => ({ at_ms: mark.at_ms, color: tone("--truth") }));
  for (const bar of device.lanes.filter((item) => item.lane === "order")) {
    moments.push({ at_ms: bar.from_ms, color: tone("--service") });
  }
  return moments.map((moment) => ({
    type: "line", xref: "x", yref: "paper", x0: moment.at_ms, x1: moment.at_ms, y0: 0, y1: 1,
    line: { color: moment.color, width: 1, dash: "dot" }, opacity: 0.6, layer: "below",
  }));
}

function axis(title, domain, more) {
  return {
    title: { text: title, font: { size: 12 }, standoff: 8 }, domain, gridcolor: tone("--rule"),
    zerolinecolor: tone("--rule"), automargin: true, fixedrange: true, ...more,
  };
}

function draw() {
  const device = data.devices[select.value];
  const narrow = plot.clientWidth < 600;
  const signals = device.curves.filter((item) => item.kind === "signal");
  const traces = device.curves.map(curve).concat(device.lanes.map(lane), [marks(device.marks)]);
  const unit = signals.map((item) => item.title).join(", ");
  const layout = {
    height: narrow ? 600 : 620, margin: { l: narrow ? 44 : 60, r: 12, t: 8, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: { color: tone("--ink"), size: narrow ? 11 : 12, family: "system-ui, sans-serif" },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, xanchor: "left" },
    hoverlabel: { bgcolor: tone("--card"), font: { color: tone("--ink") } },
    shapes: lines(device),
    xaxis: {
      type: "date", range: [data.start_ms, data.until_ms], anchor: "y3", gridcolor: tone("--rule"),
      nticks: narrow ? 4 : 12, hoverformat: "%b %d %H:%M",
    },
    yaxis: axis("damage, wear in %", [0.52, 1], { range: [-3, 105] }),
    yaxis2: axis("", [0.27, 0.47], {
      type: "category", categoryorder: "array",
      categoryarray: [...LANES].reverse().concat(["truth"]), range: [-0.6, 4.6],
    }),
    yaxis3: axis(narrow ? "" : unit, [0, 0.22], {}),
  };
  Plotly.react(plot, traces, layout, { displaylogo: false, responsive: true, displayModeBar: false });
}

if (names.length) {
  document.getElementById("plots").hidden = false;
  for (const name of names) select.add(new Option(name, name));
  select.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", reveal);
reveal();
