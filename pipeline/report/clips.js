// The clip table: sort, filter, play, tick; and the file of the ids that are ticked.
const PAGE = 100;
const KEPT = "ticked " + location.pathname;
const $ = (id) => document.getElementById(id);
const all = JSON.parse($("data").textContent);
const byId = new Map(all.map((clip) => [clip.id, clip]));
let shown = [], count = PAGE, key = "doubt", upwards = false, heard = null;

function cell(row, text, kind) {
  const td = row.insertCell();
  td.textContent = text;
  if (kind) td.className = kind;
  return td;
}

function play(clip) {
  heard = clip;
  $("now").textContent = clip.id + ": " + clip.text;
  $("now").prepend(tickBox(clip));
  $("player").src = clip.wav;
  return $("player").play().catch((error) => {
    if (error.name !== "AbortError") $("shown").textContent = clip.wav + ": " + error.message;
  });
}

function tickBox(clip) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = clip.ticked;
  box.dataset.clip = clip.id;
  box.setAttribute("aria-label", "exclude " + clip.id);
  box.onchange = () => tick(clip, box.checked);
  return box;
}

function tick(clip, wanted) {
  clip.ticked = wanted;
  for (const box of document.querySelectorAll("input[data-clip]")) {
    if (box.dataset.clip === clip.id) {
      box.checked = wanted;
      box.closest("tr")?.classList.toggle("out", wanted);
    }
  }
  keep();
}

// Keep the ticks, and say how many there are.
function keep() {
  const ids = all.filter((clip) => clip.ticked).map((clip) => clip.id);
  try {
    localStorage.setItem(KEPT, JSON.stringify(ids));
  } catch { /* a browser that keeps nothing for a file: ticks last as long as the page */ }
  $("count").textContent = ids.length ? ids.length + (ids.length > 1 ? " clips are ticked" : " clip is ticked") : "No clip is ticked";
  $("collect").disabled = $("untick").disabled = !ids.length;
  $("how").hidden = !ids.length;
}

function recall() {
  try {
    for (const id of JSON.parse(localStorage.getItem(KEPT) ?? "[]")) {
      if (byId.has(id)) byId.get(id).ticked = true;
    }
  } catch { /* as above */ }
}

function idsText() {
  const rows = all.filter((clip) => clip.ticked).sort((a, b) => (a.id < b.id ? -1 : 1));
  return "# clips to take out of the dataset\n" + rows.map((clip) => clip.id + "  # " + clip.text + "\n").join("");
}

function collect() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([idsText()], { type: "text/plain" }));
  link.download = "ids.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// The folder of this page as a shell takes it; over the network only its name is known.
function folder() {
  const parts = location.pathname.split("/").slice(0, -1).map(decodeURIComponent);
  const path = location.protocol === "file:" ? parts.join("/") || "/" : parts.pop() || "OUT";
  return /^[\w@%+=:,./-]+$/.test(path) ? path : "'" + path.replaceAll("'", "'\\''") + "'";
}

function button(words, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.setAttribute("aria-label", label);
  made.onclick = act;
  return made;
}

function addRow(body, clip) {
  const row = body.insertRow();
  row.classList.toggle("out", clip.ticked);
  row.insertCell().append(button("\u25b6", "play " + clip.id, () => play(clip)));
  row.insertCell().append(tickBox(clip));
  cell(row, clip.id, "id");
  cell(row, clip.list, "whole");
  number(row, clip.duration_s, "s", 2);
  const text = cell(row, "", "words");
  for (const [line, kind] of [[clip.text, ""], [clip.normalized === clip.text ? "" : clip.normalized, "soft"], [clip.kokoro, "ipa"]]) {
    if (!line) continue;
    const more = document.createElement("div");
    more.textContent = line;
    more.className = kind;
    text.append(more);
  }
  number(row, clip.doubt, "doubt", 2);
  number(row, clip.mos_ovrl, "DNSMOS", 2);
  number(row, clip.snr_db, "SNR", 1);
  const more = row.insertCell();
  more.className = "act";
  more.append(button("\u2026", "scores and spectrogram of " + clip.id, () => toggleDetail(row, clip)));
}

function number(row, value, name, digits) {
  cell(row, value == null ? "" : value.toFixed(digits), "n").dataset.name = name;
}

function toggleDetail(row, clip) {
  if (row.nextElementSibling?.classList.contains("more")) return row.nextElementSibling.remove();
  const detail = document.createElement("tr"), place = detail.insertCell(), scores = document.createElement("dl");
  detail.className = "more";
  place.className = "detail";
  place.colSpan = row.cells.length;
  scores.className = "scores";
  for (const [name, value] of Object.entries({ recording: clip.source, ...clip.scores })) {
    const pair = document.createElement("div"), term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = name.replaceAll("_", " ");
    said.textContent = value;
    pair.append(term, said);
    scores.append(pair);
  }
  place.append(scores);
  row.after(detail);
  return showPicture(place, clip, (second) => playFrom(clip, second));
}

function playFrom(clip, second) {
  const player = $("player");
  player.addEventListener("loadedmetadata", () => { player.currentTime = second; }, { once: true });
  play(clip);
}

function moveHeads() {
  for (const head of document.querySelectorAll(".picture .head")) {
    const row = head.closest("tr").previousElementSibling;
    head.hidden = row.querySelector("input[data-clip]").dataset.clip !== heard?.id;
    head.style.left = (100 * $("player").currentTime) / (heard?.duration_s || 1) + "%";
  }
}

function draw() {
  const body = $("clips").tBodies[0];
  body.replaceChildren();
  shown.slice(0, count).forEach((clip) => addRow(body, clip));
  $("shown").textContent = Math.min(count, shown.length) + " of " + shown.length + " clips";
  $("more").hidden = count >= shown.length;
}

function choose() {
  const wanted = $("filter").value.toLowerCase().split(/\s+/);
  const sign = upwards ? 1 : -1;
  const low = (clip) => clip[key] ?? -Infinity;
  shown = all.filter((clip) => {
    const said = [clip.id, clip.list, clip.text, clip.source].join(" ").toLowerCase();
    return (clip.ticked || !$("ticked-only").checked) && wanted.every((word) => said.includes(word));
  });
  shown.sort((a, b) => sign * (low(a) < low(b) ? -1 : low(a) > low(b) ? 1 : 0));
  for (const head of document.querySelectorAll("th[data-key]")) {
    if (head.dataset.key === key) head.setAttribute("aria-sort", upwards ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
  count = PAGE;
  draw();
}

function sortBy(name) {
  upwards = key === name ? !upwards : !["doubt", "ticked"].includes(name);
  key = name;
  choose();
}

for (const head of document.querySelectorAll("th[data-key]")) {
  head.tabIndex = 0;
  head.onclick = () => sortBy(head.dataset.key);
  head.onkeydown = (event) => { if (event.key === "Enter") sortBy(head.dataset.key); };
}
document.onkeydown = (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && event.target.type !== "search";
  if (event.key === "x" && heard && isPlain) tick(heard, !heard.ticked);
};
$("filter").oninput = $("ticked-only").onchange = choose;
$("more").onclick = () => { count += PAGE; draw(); };
$("collect").onclick = collect;
$("untick").onclick = () => { all.forEach((clip) => { clip.ticked = false; }); keep(); choose(); };
$("play-doubtful").onclick = () => {
  const doubtful = [...all].sort((a, b) => b.doubt - a.doubt).slice(0, 20);
  const next = () => { if (doubtful.length) play(doubtful.shift()); };
  $("player").onended = next;
  next();
};
$("make").textContent = "make exclude INPUT=ids.txt OUT=" + folder();
$("command").textContent = "dataset-pipeline exclude " + folder() + " ids.txt";
$("player").ontimeupdate = moveHeads;
for (const clip of all) Object.assign(clip, { ticked: false, mos_ovrl: clip.scores.mos_ovrl, snr_db: clip.scores.snr_db });
recall();
keep();
choose();
