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
    } catch (error) {
      place.textContent = `This chart cannot be drawn: ${error.message}. Its numbers stand below.`;
    }
  }

  document.querySelectorAll("script[data-chart]").forEach(draw);
})();
