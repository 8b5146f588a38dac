"use strict";
// One panel per signal over a shared time axis; colours follow the page's light or dark scheme.
const data = JSON.parse(document.getElementById("data").textContent);
const chart = document.getElementById("chart");
const select = document.getElementById("device");
const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const COLOURS = ["#1f77b4", "#e07b00", "#2a9d63", "#c2408f", "#7a6ff0", "#8c6d31", "#17a2b8", "#d1495b"];
const colour = (device) => COLOURS[device % COLOURS.length];

function trace(curve, panel, seen) {
  const device = data.devices[curve.device];
  const truth = curve.kind === "truth";
  const first = !seen.has(device);
  seen.add(device);
  return {
    x: curve.x, y: curve.y, type: "scatter", mode: "lines", connectgaps: false,
    yaxis: panel ? `y${panel + 1}` : "y", name: device, legendgroup: device, showlegend: first,
    line: { color: colour(curve.device), width: truth ? 1.8 : 1 }, opacity: truth ? 1 : 0.55,
    hovertemplate: `%{y:.4g} ${data.panels[panel].unit}<br>${curve.name}, ${device}<extra></extra>`,
  };
}

function draw() {
  const only = select.value;
  const narrow = chart.clientWidth < 600;
  const count = data.panels.length;
  const height = narrow ? 150 : 170;
  const gap = (narrow ? 34 : 36) / (count * height);
  const seen = new Set();
  const traces = [];
  const layout = {
    height: count * height + 70, margin: { l: narrow ? 42 : 58, r: 8, t: 46, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: { color: tone("--ink"), size: narrow ? 11 : 12, family: "system-ui, sans-serif" },
    legend: { orientation: "h", y: 1, yanchor: "top", x: 0, xanchor: "left", yref: "container" },
    hoverlabel: { bgcolor: tone("--card"), font: { color: tone("--ink") } },
    xaxis: {
      type: "date", range: [data.from_ms, data.to_ms], gridcolor: tone("--rule"), nticks: narrow ? 4 : 12,
      anchor: count > 1 ? `y${count}` : "y", hoverformat: "%b %d %H:%M",
    },
    shapes: [], annotations: [],
  };
  data.panels.forEach((panel, index) => {
    const top = 1 - index / count;
    const domain = [top - 1 / count + (index === count - 1 ? 0 : gap * 0.25), top - gap];
    const range = panel.floor === null ? {} : { rangemode: "tozero" };
    layout[index ? `yaxis${index + 1}` : "yaxis"] = {
      domain, gridcolor: tone("--rule"), zeroline: false, fixedrange: true, nticks: 5, ...range,
    };
    layout.annotations.push({
      text: title(panel, narrow), x: 0, xref: "paper", xanchor: "left",
      y: domain[1], yref: "paper", yanchor: "bottom", showarrow: false, bgcolor: tone("--card"),
      borderpad: 0, font: { size: narrow ? 11 : 13 },
    });
    // Truth is drawn over telemetry, which would hide it.
    for (const kind of ["signal", "truth"]) {
      for (const curve of panel.curves) {
        if (curve.kind === kind && (!only || data.devices[curve.device] === only)) {
          traces.push(trace(curve, index, seen));
        }
      }
    }
  });
  // Faults last, so that no other mark hides them.
  const marks = [...data.marks].sort((a, b) => (a.tone === "warn") - (b.tone === "warn"));
  for (const mark of marks) {
    if (only && mark.device !== only) continue;
    layout.shapes.push({
      type: "line", xref: "x", yref: "paper", x0: mark.at_ms, x1: mark.at_ms, y0: 0, y1: 1, layer: "below",
      line: { color: tone(`--${mark.tone}`), width: mark.tone === "warn" ? 2 : 1.2, dash: "dot" },
    });
    // A line cannot be pointed at; its head can.
    traces.push({
      x: [mark.at_ms], y: [1], yaxis: `y${count + 1}`, type: "scatter", mode: "markers", showlegend: false,
      marker: { size: 10, symbol: mark.tone === "warn" ? "triangle-down" : "diamond", color: tone(`--${mark.tone}`) },
      hovertemplate: `${mark.text}<br>${mark.device}<extra></extra>`, cliponaxis: false,
    });
  }
  layout[`yaxis${count + 1}`] = { domain: [0, 1], overlaying: "y", range: [0, 1], visible: false, fixedrange: true };
  Plotly.react(chart, traces, layout, { displaylogo: false, responsive: true, displayModeBar: false });
}

function title(panel, narrow) {
  const unit = panel.unit ? ` [${panel.unit}]` : "";
  const room = narrow ? 36 : 120;
  const name = panel.title.length > room ? `${panel.title.slice(0, room - 1)}…` : panel.title;
  const safe = name.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<b>${safe}</b>${unit}`;
}

for (const name of data.devices) select.add(new Option(name, name));
select.addEventListener("change", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
