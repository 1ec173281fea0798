
(function () {
  "use strict";
  var search = document.getElementById("search");
  if (!search) { return; }
  var action = document.getElementById("action");
  var risk = document.getElementById("risk");
  var shown = document.getElementById("shown");
  var changes = Array.prototype.slice.call(document.querySelectorAll("details.change"));
  var texts = [];

  function text(position) {
    if (texts[position] === undefined) { texts[position] = changes[position].textContent.toLowerCase(); }
    return texts[position];
  }

  function apply() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var count = 0;
    changes.forEach(function (change, position) {
      var fits = words.every(function (word) { return text(position).indexOf(word) >= 0; })
        && (!action.value || change.dataset.action === action.value)
        && (!risk.value || (risk.value === "any" ? change.dataset.grave === "yes" : change.dataset.risk === risk.value));
      change.hidden = !fits;
      if (fits) { count += 1; }
    });
    shown.textContent = count + " of " + changes.length + " changes shown";
  }

  function open(state) {
    changes.forEach(function (change) { if (!change.hidden) { change.open = state; } });
  }

  var waiting = 0;
  search.addEventListener("input", function () { clearTimeout(waiting); waiting = setTimeout(apply, 60); });
  action.addEventListener("change", apply);
  risk.addEventListener("change", apply);
  document.getElementById("open").addEventListener("click", function () { open(true); });
  document.getElementById("close").addEventListener("click", function () { open(false); });
  document.addEventListener("keydown", function (event) {
    var typing = /^(input|select|textarea)$/i.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      apply();
    }
  });
  var before = [];
  window.addEventListener("beforeprint", function () {
    before = changes.map(function (change) { return change.open; });
    open(true);
  });
  window.addEventListener("afterprint", function () {
    changes.forEach(function (change, position) { change.open = before[position]; });
  });
  apply();
})();
