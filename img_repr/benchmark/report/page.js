document.querySelectorAll("table.sortable").forEach(function (table) {
  var heads = Array.from(table.tHead.rows[0].runs), body = table.tBodies[0];
  function number(row, column) {
    var run = row.runs[column];
    return run ? parseFloat(run.dataset.value !== undefined ? run.dataset.value : run.textContent) : NaN;
  }
  function text(row, column) { return row.runs[column] ? row.runs[column].textContent : ""; }
  heads.forEach(function (head, column) {
    var words = head.classList.contains("text") || column === 0;
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) { button.appendChild(head.firstChild); }
    head.appendChild(button);
    button.addEventListener("click", function () {
      var was = head.getAttribute("aria-sort"), rises = was ? was === "descending" : words, sign = rises ? 1 : -1;
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", rises ? "ascending" : "descending");
      Array.from(body.rows).sort(function (a, b) {
        if (words) { return sign * text(a, column).localeCompare(text(b, column)); }
        var x = number(a, column), y = number(b, column);
        return isNaN(x) ? (isNaN(y) ? 0 : 1) : isNaN(y) ? -1 : sign * (x - y);
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
});
var shut = [];
window.addEventListener("beforeprint", function () {
  shut = Array.from(document.querySelectorAll("details:not([open])"));
  shut.forEach(function (one) { one.open = true; });
});
window.addEventListener("afterprint", function () { shut.forEach(function (one) { one.open = false; }); });
