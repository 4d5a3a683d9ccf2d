"use strict";
(function () {
  var box = document.getElementById("filter");
  var told = document.getElementById("filtered");
  if (!box || !told) { return; }
  var findings = Array.prototype.slice.call(document.querySelectorAll("details.finding"));
  var texts = findings.map(function (f) { return f.textContent.toLowerCase(); });
  document.getElementById("filtering").hidden = false;
  box.addEventListener("input", function () {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    findings.forEach(function (f, i) {
      var fits = words.every(function (w) { return texts[i].indexOf(w) >= 0; });
      f.hidden = !fits;
      if (fits) { shown += 1; if (words.length) { var rule = f.closest("details.rule"); if (rule) { rule.open = true; } } }
    });
    told.textContent = words.length ? shown + " of " + findings.length + " findings" : "";
  });
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (d) { d.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (d) { d.open = false; });
    opened = [];
  });
})();
