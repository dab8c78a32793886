// Draws the charts of a page from the data beside them. Runs under a policy that allows neither eval nor
// inline styles: expressions are interpreted, and tooltips are styled by the page.
"use strict";
(() => {
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    ast: true,
    actions: false,
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  };

  async function draw(data) {
    const place = document.getElementById(data.dataset.chart);
    try {
      await window.vegaEmbed(place, JSON.parse(data.textContent), options);
      place.querySelector("svg").setAttribute("aria-hidden", "true"); // its place has a description
    } catch (error) {
      place.textContent = `This chart cannot be drawn: ${error.message}. Its numbers stand below.`;
    }
  }

  function drawAll(root) {
    root.querySelectorAll("script[data-chart]").forEach(draw);
  }

  document.addEventListener("charts", (event) => drawAll(event.target)); // a part of a page is new
  drawAll(document);
})();
