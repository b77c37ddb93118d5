// The recordings: the first ones are in the table; the others wait as text, see recordings.html.
const LINES = 100;
const waiting = [...document.querySelectorAll("script.line")];
const table = $("shown-lines");
const whole = table.rows.length + waiting.length;
let next = 0, wantedLines = [];

function showLines() {
  const own = [...table.querySelectorAll("tr:not(.found)")];
  const isWanted = (line) => wantedLines.every((word) => line.dataset.source.toLowerCase().includes(word));
  for (const line of table.querySelectorAll("tr.found")) line.remove();
  for (const line of own) line.hidden = !isWanted(line);
  const found = wantedLines.length ? waiting.slice(next).filter(isWanted) : [];
  table.insertAdjacentHTML("beforeend", found.slice(0, LINES).map((line) => line.textContent).join(""));
  for (const line of [...table.rows].slice(own.length)) line.classList.add("found");
  const count = own.filter((line) => !line.hidden).length;
  const all = count + found.length;
  if ($("lines")) $("lines").textContent = count + Math.min(found.length, LINES) + " of " + (wantedLines.length ? all + " that match" : whole);
  if ($("more-lines")) $("more-lines").hidden = wantedLines.length > 0 || next >= waiting.length;
}

function moreLines() {
  table.insertAdjacentHTML("beforeend", waiting.slice(next, next + LINES).map((line) => line.textContent).join(""));
  next += LINES;
  showLines();
}

if ($("recording")) {
  $("recording").oninput = () => {
    wantedLines = $("recording").value.toLowerCase().split(/\s+/).filter(Boolean);
    showLines();
  };
}
if ($("more-lines")) $("more-lines").onclick = moreLines;
showLines();
