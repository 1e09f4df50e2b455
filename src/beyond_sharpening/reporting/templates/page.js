"use strict";
// Figures: pictures become charts that answer to the pointer. Without JavaScript, on paper, or in a browser that cannot
// unpack, the pictures stay.
(async () => {
  const packed = document.getElementById("plotly");
  if (!packed || typeof DecompressionStream === "undefined") return;
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);

  // Panels side by side on a wide screen, one above the other on a phone.
  const arrange = (plot, width) => {
    const narrow = width < 600;
    const count = plot.panels.length, columns = narrow ? 1 : Math.min(plot.columns, count);
    const rows = Math.ceil(count / columns), layout = structuredClone(plot.layout);
    const entries = plot.data.filter((trace) => trace.showlegend);
    const letters = entries.reduce((sum, trace) => sum + 7 * trace.name.length + 55, 0);
    const legend = 22 * Math.ceil(letters / width) + 12, top = 64, bottom = 58 + legend;
    const panel = plot.height, gap = 78, body = rows * panel + (rows - 1) * gap;
    if (narrow && layout.yaxis.ticktext)  // long names in lines of their own
      plot.panels.forEach((_, index) => {
        const y = layout["yaxis" + (index ? index + 1 : "")];
        y.ticktext = y.ticktext.map((text) => text.replace(/ (?=[−(])/g, "<br>"));
      });
    const widest = (ticks) => Math.max(0, ...(ticks || []).flatMap((text) => text.split("<br>")).map((line) => line.length));
    const left = Math.min(0.42 * width, 58 + 5.6 * widest(layout.yaxis.ticktext));
    const right = layout.annotations.length ? 66 : 14;
    const across = layout.annotations.length ? 66 : plot.layout.yaxis2 && !plot.layout.yaxis2.matches ? 60 : 34;
    const inner = width - left - right;
    plot.panels.forEach((title, index) => {
      const suffix = index ? String(index + 1) : "", column = index % columns, row = Math.floor(index / columns);
      const size = (1 - ((columns - 1) * across) / inner) / columns, start = column * (size + across / inner);
      const end = 1 - (row * (panel + gap)) / body;
      const x = layout["xaxis" + suffix], y = layout["yaxis" + suffix];
      x.domain = [start, Math.min(1, start + size)];
      y.domain = [Math.max(0, end - panel / body), end];
      if (layout.yaxis2 && layout.yaxis2.matches && column) y.showticklabels = false;
      for (const axis of [x, y]) {
        axis.gridcolor = "#e2e2e2";
        axis.exponentformat = "power";
        axis.title = { ...axis.title, font: { size: 12 }, standoff: 6 };
      }
      layout.annotations.push({ text: "<b>" + title + "</b>", xref: "paper", yref: "paper", showarrow: false,
        x: (x.domain[0] + x.domain[1]) / 2, y: end, xanchor: "center", yanchor: "bottom", font: { size: 13 } });
    });
    return { ...layout, width, height: body + top + bottom, margin: { l: left, r: right, t: top, b: bottom },
      title: { ...layout.title, font: { size: narrow ? 13 : 16 }, x: 0.5, y: 1, yref: "container", yanchor: "top", pad: { t: 8 } },
      font: { family: "system-ui, sans-serif", size: 12, color: "#1d1d1f" }, plot_bgcolor: "#fff", hovermode: "closest",
      legend: { orientation: "h", x: 0.5, xanchor: "center", y: -52 / body, yanchor: "top" } };
  };

  const show = (figure) => {
    const plot = plots[figure.dataset.plot], width = figure.clientWidth;
    let place = figure.querySelector(".plot");
    if (!place) {
      place = document.createElement("div");
      place.className = "plot";
      figure.append(place);
    }
    const options = { displaylogo: false, displayModeBar: width < 600 ? false : "hover", modeBarButtonsToRemove: ["select2d", "lasso2d"] };
    Plotly.react(place, plot.data, arrange(plot, width), options);
    figure.querySelector("img").hidden = true;
  };

  // A chart is drawn when it is about to be seen.
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); show(entry.target); }
  }, { rootMargin: "600px" });
  const figures = [...document.querySelectorAll("figure[data-plot]")];
  figures.forEach((figure) => watcher.observe(figure));
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    figures.filter((figure) => figure.querySelector(".plot")).forEach(show);
  });
})();

// Samples: whatever they hold is set as text, never as markup.
for (const place of document.querySelectorAll(".browser")) {
  const { columns, rows, filters } = JSON.parse(place.querySelector("script").textContent);
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };
  const controls = make("div", undefined, place), chosen = {};
  let first = 0;
  const size = 20;
  for (const name of filters) {
    const index = columns.indexOf(name), label = make("label", name + " ", controls), select = make("select", undefined, label);
    make("option", "all", select).value = "";
    for (const value of [...new Set(rows.map((row) => row[index]))]) make("option", value, select).value = value;
    select.addEventListener("change", () => { chosen[index] = select.value; first = 0; update(); });
  }
  const search = make("input", undefined, make("label", "text ", controls));
  search.type = "search";
  search.addEventListener("input", () => { first = 0; update(); });
  const count = make("p", undefined, place), table = make("table", undefined, make("div", undefined, place));
  table.parentElement.className = "table";
  const heading = make("tr", undefined, make("thead", undefined, table)), body = make("tbody", undefined, table);
  columns.forEach((name) => make("th", name, heading));
  const turn = make("p", undefined, place), back = make("button", "previous", turn), next = make("button", "next", turn);
  back.addEventListener("click", () => { first = Math.max(0, first - size); update(); });
  next.addEventListener("click", () => { first += size; update(); });
  const update = () => {
    const wanted = search.value.toLowerCase();
    const found = rows.filter((row) => Object.entries(chosen).every(([index, value]) => !value || row[index] === value)
      && (!wanted || row.some((cell) => cell.toLowerCase().includes(wanted))));
    count.textContent = `${found.length} of ${rows.length} samples` +
      (found.length > size ? `; ${first + 1} to ${Math.min(first + size, found.length)} are shown` : "");
    body.replaceChildren();
    for (const row of found.slice(first, first + size)) {
      const line = make("tr", undefined, body);
      row.forEach((cell, index) => {
        const place = make("td", undefined, line);
        place.dataset.label = columns[index];
        make(columns[index] === "completion" ? "code" : "span", cell, place);
      });
    }
    back.disabled = first === 0;
    next.disabled = first + size >= found.length;
  };
  update();
}
