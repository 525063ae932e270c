/* The laboratory board: frames and answers were computed before, so no kernel is needed. */
(function () {
  const board = document.getElementById("board");
  if (!board) return;
  const facts = JSON.parse(document.getElementById("board-facts").textContent);
  const picture = board.querySelector(".board-picture");
  const knobs = Object.fromEntries([...board.querySelectorAll("[data-knob]")].map((k) => [k.dataset.knob, k]));
  const levels = { stain: facts.stain.length, light: facts.light.length, field: facts.field_um.length };
  const middle = { stain: 2, light: 2, field: 2 };
  const lightWords = ["very bluish", "bluish", "as it is", "reddish", "very reddish"];
  const tried = new Set();
  const words = {
    stain: (i) => (i === middle.stain ? "as it is" : "× " + facts.stain[i]),
    light: (i) => lightWords[i],
    field: (i) => (i === middle.field ? "as it is" : "× " + (facts.field_um[middle.field] / facts.field_um[i]).toFixed(2)),
  };
  for (const [name, knob] of Object.entries(knobs)) knob.max = levels[name] - 1;
  picture.style.backgroundImage = "url(" + board.dataset.frames + ")";
  picture.style.backgroundSize = levels.field * 100 + "% " + levels.stain * levels.light * 100 + "%";
  const percent = (share) => (share > 0.99 ? "over 99" : Math.round(100 * share)) + "\u00a0%";
  function show() {
    const at = Object.fromEntries(Object.entries(knobs).map(([name, knob]) => [name, Number(knob.value)]));
    // magnification grows to the right, the field of view shrinks
    at.field = levels.field - 1 - at.field;
    const row = at.stain * levels.light + at.light;
    const frame = row * levels.field + at.field;
    const rows = levels.stain * levels.light;
    picture.style.backgroundPosition =
      (100 * at.field) / (levels.field - 1) + "% " + (100 * row) / (rows - 1) + "%";
    const answer = facts.answers[frame];
    const right = answer === facts.cell;
    for (const [name, knob] of Object.entries(knobs)) {
      knob.nextElementSibling.value = words[name](at[name]);
      knob.setAttribute("aria-valuetext", words[name](at[name]));
    }
    const said = board.querySelector(".board-answer");
    said.textContent =
      (right ? "✓ " : "✗ ") + "“" + answer + "”, " + percent(facts.confidences[frame]) + " sure";
    said.classList.toggle("wrong", !right);
    tried.add(frame);
    const wrong = [...tried].filter((f) => facts.answers[f] !== facts.cell).length;
    board.querySelector(".board-count").textContent =
      tried.size < 2 ? "It is a " + facts.cell + "." : wrong + " of your " + tried.size + " settings were named wrongly.";
    picture.setAttribute(
      "aria-label",
      "A simulated " + facts.cell + ": stain " + words.stain(at.stain) + ", light " + words.light(at.light) +
        ", magnification " + words.field(at.field) + ". The network says " + answer + ", which is " +
        (right ? "right." : "wrong.")
    );
  }
  for (const knob of Object.values(knobs)) knob.addEventListener("input", show);
  board.querySelector("[data-reset]").addEventListener("click", () => {
    for (const [name, knob] of Object.entries(knobs)) knob.value = name === "field" ? levels.field - 1 - middle.field : middle[name];
    show();
  });
  show();
})();
