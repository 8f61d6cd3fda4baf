// The case browser: every test radiograph, the answers of each system, and its maps. No framework, no
// build step, and nothing is fetched: cases/data.js sets `radrobustCases`, pictures are files, so
// that the page works from a disk as well.
(() => {
  "use strict"
  const root = document.getElementById("cases")
  const data = window.radrobustCases
  if (!root) return
  if (!data) {
    root.textContent = "The cases are not beside this page: cases/data.js is missing."
    return
  }

  const [ABSENT, PRESENT] = data.classes
  const SIZE = data.size
  const OUTCOMES = {
    hit: "True positive",
    missed: "False negative",
    rejection: "True negative",
    alarm: "False positive",
    broken: "Misclassified under attack",
    stood: "Robust",
  }
  const IMAGES = ["Clean", "Attacked"]
  const OVER_THE_FILM = 0.8
  const PAUSE = 300 // ms before the address changes: browsers refuse to do so too often
  const places = new Map(data.films.map((film, place) => [film.name, place]))
  const explained = new Map(data.explained.map((name, place) => [name, place]))
  const systems = new Map(data.systems.map(system => [system.key, system]))

  // What films can be chosen by whatever the system: how it is called, and which values there are.
  const traits = [
    { key: "truth", title: "Truth", members: [PRESENT, ABSENT], of: film => data.classes[film.label] },
    {
      key: "maps",
      title: "Maps",
      members: ["explained", "not explained"],
      of: film => (explained.has(film.name) ? "explained" : "not explained"),
    },
    ...data.subgroups.map((group, place) => ({ ...group, of: film => film.groups[place] })),
  ]

  const plain = () => ({
    film: data.explained[0] ?? data.films[0].name,
    system: data.systems[0].key,
    outcome: "",
    find: "",
    outline: true,
    over: false,
    traits: Object.fromEntries(traits.map(trait => [trait.key, ""])),
  })
  let state = plain()
  let shown = []
  let unknown = ""

  // ---------------------------------------------------------------- small helpers

  function make(tag, attributes = {}, ...children) {
    const svg = ["svg", "image", "path", "rect", "g"].includes(tag)
    const made = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value)
      else if (value === true) made.setAttribute(name, "")
      else if (value !== false && value != null) made.setAttribute(name, value)
    }
    made.append(...children.filter(child => child !== "" && child != null))
    return made
  }

  const decimals = (value, digits) => value.toFixed(digits)
  // Where two digits would read 0.50, the answer could not be told from the number.
  const chance = value => decimals(value, Math.abs(value - 0.5) < 0.005 ? 4 : 2)
  const quoted = label => `“${data.classes[label]}”`
  const file = (...parts) => `cases/${parts.map(encodeURIComponent).join("/")}.webp`
  const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`

  // ---------------------------------------------------------------- what is said of a film

  function said(place, system) {
    const answers = data.answers[system]
    const label = data.films[place].label
    const right = answers.said[place] === label
    const outcome = label
      ? right ? "hit" : "missed"
      : right ? "rejection" : "alarm"
    const broken = answers.broken[place] === 1
    return {
      right,
      outcome,
      broken,
      changed: answers.changed[place] === 1,
      probabilities: [answers.clean[place], answers.attacked[place]],
      answers: [answers.said[place], answers.after[place]],
      // By word and sign, for colours alone are not seen by everybody.
      words: [
        `${right ? "✓" : "✗"} ${OUTCOMES[outcome].toLowerCase()}`,
        broken ? "✗ misclassified" : right ? "✓ robust" : "✗ misclassified before",
      ],
      kinds: [right ? "right" : "wrong", right && !broken ? "right" : "wrong"],
      sign: broken ? "✓→✗" : right ? "✓" : "✗",
    }
  }

  function isOfOutcome(place, outcome) {
    if (!outcome) return true
    const found = said(place, state.system)
    if (outcome === "broken") return found.broken
    if (outcome === "stood") return found.right && !found.broken
    return found.outcome === outcome
  }

  function fitsElse(film) {
    const wanted = state.find.trim().toLowerCase()
    return (
      film.name.toLowerCase().includes(wanted) &&
      traits.every(trait => !state.traits[trait.key] || trait.of(film) === state.traits[trait.key])
    )
  }

  // ---------------------------------------------------------------- the address

  function read() {
    const asked = new URLSearchParams(location.hash.slice(1))
    state = plain()
    unknown = ""
    const known = (key, values) => (values.includes(asked.get(key)) ? asked.get(key) : "")
    state.system = known("system", [...systems.keys()]) || state.system
    state.outcome = known("outcome", Object.keys(OUTCOMES))
    state.find = asked.get("find") ?? ""
    state.outline = asked.get("outline") !== "0"
    state.over = asked.get("over") === "1"
    for (const trait of traits) state.traits[trait.key] = known(trait.key, trait.members)
    const name = asked.get("film")
    // What is filtered by is seen.
    if (Object.values(state.traits).some(Boolean)) more.open = true
    if (places.has(name)) state.film = name
    else if (name) unknown = name
  }

  function address() {
    const parts = new URLSearchParams({ film: state.film, system: state.system })
    if (state.outcome) parts.set("outcome", state.outcome)
    for (const [key, value] of Object.entries(state.traits)) if (value) parts.set(key, value)
    if (state.find) parts.set("find", state.find)
    if (!state.outline) parts.set("outline", "0")
    if (state.over) parts.set("over", "1")
    return `#${parts}`
  }

  let waiting = 0
  function write() {
    clearTimeout(waiting)
    waiting = setTimeout(() => {
      if (address() !== location.hash) history.replaceState(null, "", address())
    }, PAUSE)
  }

  // ---------------------------------------------------------------- the frame

  function choice(key, title, options, changed) {
    const select = make("select", { id: `cases-${key}`, class: "cases-field" })
    for (const [value, text] of options) select.append(make("option", { value }, text))
    select.addEventListener("change", () => changed(select.value))
    fields[key] = select
    return make("div", {}, make("label", { for: `cases-${key}` }, title), select)
  }

  function box(key, title) {
    const input = make("input", { type: "checkbox", id: `cases-${key}` })
    input.addEventListener("change", () => {
      state[key] = input.checked
      drawCase()
      write()
    })
    fields[key] = input
    return make("label", { for: `cases-${key}`, class: "cases-box" }, input, title)
  }

  const fields = {}
  const options = data.films.map((film, place) => {
    const picture = make("img", {
      src: file(data.thumbnails, film.name),
      alt: "",
      role: "presentation",
      loading: "lazy",
      width: 64,
      height: 64,
    })
    const sign = make("span", { class: "cases-sign" })
    const option = make(
      "li",
      { role: "option", id: `cases-option-${place}`, "aria-selected": "false" },
      make("span", { class: "cases-thumbnail" }, picture, sign),
      make("span", { class: "cases-name" }, film.name),
    )
    option.addEventListener("click", () => go(film.name))
    return { option, sign }
  })

  const count = make("p", { class: "cases-count", role: "status", id: "cases-count" })
  const spoken = make("p", { class: "visually-hidden", "aria-live": "polite", id: "cases-spoken" })
  const list = make(
    "ul",
    { class: "cases-list", role: "listbox", tabindex: "0", "aria-label": "Radiographs that are shown" },
    ...options.map(({ option }) => option),
  )
  const more = make("details", { class: "cases-more" })
  const none = make("p", { class: "cases-none", hidden: true }, "No radiograph is like that.")
  const heading = make("h2", { class: "cases-heading", id: "cases-heading" })
  const position = make("span", { class: "cases-position" })
  const facts = make("p", { class: "cases-facts" })
  const pictures = make("div", { class: "cases-films" })
  const table = make("div", { class: "cases-answers" })
  const maps = make("div", { class: "cases-maps" })
  const back = make("button", { type: "button", class: "cases-button", onclick: () => step(-1) }, "← Previous")
  const forth = make("button", { type: "button", class: "cases-button", onclick: () => step(1) }, "Next →")

  function build() {
    const find = make("input", { type: "search", id: "cases-find", class: "cases-field", autocomplete: "off" })
    fields.find = find
    find.addEventListener("input", () => {
      state.find = find.value
      filtered()
    })
    const reset = make("button", { type: "button", class: "cases-button", id: "cases-reset" }, "Clear filters")
    reset.addEventListener("click", () => {
      const { outcome, find: nothing, traits: all } = plain()
      Object.assign(state, { outcome, find: nothing, traits: all })
      filtered()
    })
    const others = traits.filter(trait => trait.members.length > 1)
    const named = others.map(trait => trait.title.toLowerCase()).join(", ")
    more.append(
      make("summary", {}, `More filters: ${named}`),
      make(
        "div",
        { class: "cases-filters" },
        ...others.map(trait =>
          choice(trait.key, trait.title, [["", "any"], ...trait.members.map(one => [one, one])], value => {
            state.traits[trait.key] = value
            filtered()
          }),
        ),
      ),
    )
    const filters = make(
      "form",
      { class: "cases-filters", "aria-label": "Filters of radiographs" },
      choice("system", "System", data.systems.map(one => [one.key, full(one)]), value => {
        state.system = value
        filtered()
      }),
      choice("outcome", "Outcome", [["", "any"], ...Object.entries(OUTCOMES)], value => {
        state.outcome = value
        filtered()
      }),
      make("div", {}, make("label", { for: "cases-find" }, "Name contains"), find),
      make("div", {}, reset),
      more,
    )
    filters.addEventListener("submit", event => event.preventDefault())
    const shownAs = make(
      "div",
      { class: "cases-switches", role: "group", "aria-label": "How pictures are shown" },
      box("outline", `Outline the ${data.finding}`),
      box("over", "Lay maps over the radiograph"),
    )
    root.replaceChildren(
      filters,
      count,
      spoken,
      make(
        "div",
        { class: "cases-columns" },
        make("div", { class: "cases-side" }, list, none),
        make(
          "section",
          { class: "cases-case", "aria-labelledby": "cases-heading" },
          make("div", { class: "cases-top" }, heading, make("div", { class: "cases-steps" }, back, position, forth)),
          facts,
          shownAs,
          make("div", { class: "cases-both" }, pictures, table),
          maps,
        ),
      ),
    )
    list.addEventListener("keydown", inList)
    document.addEventListener("keydown", anywhere)
    window.addEventListener("hashchange", () => {
      if (location.hash === address()) return
      start()
    })
  }

  const full = system => (system.label ? `${system.title} (${system.label})` : system.title)

  // ---------------------------------------------------------------- stepping

  function step(by) {
    const at = shown.indexOf(places.get(state.film))
    const next = at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))
    if (shown.length) go(data.films[shown[next]].name)
  }

  function go(name) {
    state.film = name
    unknown = ""
    drawCase()
    write()
  }

  function inList(event) {
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key]
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    step(by)
  }

  function anywhere(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (!by || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    // Where arrows have a meaning already, they keep it.
    if (event.target.closest("input:not([type=checkbox]), select, textarea, [role=tab], [contenteditable]")) return
    event.preventDefault()
    step(by)
  }

  // ---------------------------------------------------------------- drawing

  function filtered() {
    draw()
    if (shown.length && !shown.includes(places.get(state.film))) {
      state.film = data.films[shown[0]].name
      unknown = ""
      drawCase()
    }
    write()
  }

  // A case that the address names is shown, whatever the filters; else one that passes them.
  function start() {
    read()
    draw()
    const asked = new URLSearchParams(location.hash.slice(1)).has("film")
    if (!asked && shown.length && !shown.includes(places.get(state.film))) step(0)
    write()
  }

  function draw() {
    const fitting = data.films.map((film, place) => place).filter(place => fitsElse(data.films[place]))
    shown = fitting.filter(place => isOfOutcome(place, state.outcome))
    fields.system.value = state.system
    fields.outcome.value = state.outcome
    if (fields.find.value !== state.find) fields.find.value = state.find
    fields.outline.checked = state.outline
    fields.over.checked = state.over
    for (const trait of traits) if (fields[trait.key]) fields[trait.key].value = state.traits[trait.key]
    for (const option of fields.outcome.options) {
      const many = fitting.filter(place => isOfOutcome(place, option.value)).length
      option.textContent = `${OUTCOMES[option.value] ?? "any"} (${many})`
    }
    const visible = new Set(shown)
    options.forEach(({ option, sign }, place) => {
      const found = said(place, state.system)
      option.hidden = !visible.has(place)
      sign.textContent = found.sign
      sign.className = `cases-sign ${found.broken ? "wrong" : found.kinds[0]}`
      const words = found.broken ? "misclassified under attack" : found.right ? "robust" : "misclassified before"
      option.setAttribute("aria-label", `${data.films[place].name}: ${OUTCOMES[found.outcome].toLowerCase()}, ${words}`)
    })
    none.hidden = shown.length > 0
    list.toggleAttribute("hidden", !shown.length)
    count.textContent = `${shown.length.toLocaleString("en")} of ${counted(data.films.length, "test radiograph")} shown`
    drawCase()
  }

  function drawCase() {
    const place = places.get(state.film)
    const film = data.films[place]
    const found = said(place, state.system)
    const at = shown.indexOf(place)
    heading.textContent = film.name
    position.textContent = at < 0 ? "not among those shown" : `${at + 1} of ${shown.length}`
    back.disabled = at === 0 || !shown.length
    forth.disabled = (at >= 0 && at === shown.length - 1) || !shown.length
    options.forEach(({ option }, other) => option.setAttribute("aria-selected", String(other === place)))
    if (at < 0) list.removeAttribute("aria-activedescendant")
    else list.setAttribute("aria-activedescendant", `cases-option-${place}`)
    bringIntoSight(options[place].option)
    const parts = data.subgroups
      .map((group, which) => [group.title, film.groups[which]])
      .filter(([, member]) => member)
      .map(([title, member]) => `${title.toLowerCase()}: ${member}`)
    facts.replaceChildren(
      unknown ? make("b", { class: "cases-unknown" }, `There is no test radiograph called ${unknown}; this is another. `) : "",
      make("b", {}, `Truth: ${data.classes[film.label]}. `),
      film.label && !film.outline ? `The ${data.finding} is not marked. ` : "",
      parts.length ? `${parts.join("; ")}. ` : "",
      `${film.width} × ${film.height} pixels, seen by the networks as ${SIZE} × ${SIZE}`,
      film.note ? `. Noted: ${film.note}.` : ".",
    )
    pictures.replaceChildren(filmFigure(place, found, 0), filmFigure(place, found, 1))
    table.replaceChildren(answersTable(place))
    maps.replaceChildren(...mapsOf(place, found))
    spoken.textContent =
      `${film.name}, ${position.textContent}. Truth: ${data.classes[film.label]}. ` +
      `${systems.get(state.system).title} says ${quoted(found.answers[0])}, ${found.words[0].slice(2)}; ` +
      `attacked: ${found.words[1].slice(2)}.`
  }

  function bringIntoSight(option) {
    if (option.hidden) return
    const frame = list.getBoundingClientRect()
    const found = option.getBoundingClientRect()
    // Its own scrolling alone: the page stays where the reader has it.
    if (found.top < frame.top || found.bottom > frame.bottom) list.scrollTop += found.top - frame.top - 8
    if (found.left < frame.left || found.right > frame.right) list.scrollLeft += found.left - frame.left - 8
  }

  function picture(label, ...layers) {
    return make(
      "svg",
      { class: "cases-picture", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": label },
      ...layers,
    )
  }

  const filmLayer = source => make("image", { href: source, width: SIZE, height: SIZE })

  function outline(film) {
    if (!state.outline || !film.outline) return ""
    const lines = [["#141414", 3], ["#d4ff00", 1.5]].map(([stroke, width]) =>
      make("path", { d: film.outline, stroke, "stroke-width": width, "vector-effect": "non-scaling-stroke" }),
    )
    return make("g", { class: "cases-outline", fill: "none" }, ...lines)
  }

  const sourceOf = (film, found, image) =>
    image && found.changed ? file("attacked", state.system, film.name) : file("films", film.name)

  function filmFigure(place, found, image) {
    const film = data.films[place]
    const title = IMAGES[image]
    const outlined = state.outline && film.outline ? `, the ${data.finding} outlined` : ""
    const shows = image
      ? `Radiograph ${film.name}, attacked on ${full(systems.get(state.system))}${outlined}`
      : `Radiograph ${film.name}${outlined}`
    const why = found.right ? "" : ": misclassified before any attack"
    const nothing = image && !found.changed ? make("span", {}, ` Nothing was changed${why}.`) : ""
    return make(
      "figure",
      { class: "cases-figure" },
      picture(shows, filmLayer(sourceOf(film, found, image)), outline(film)),
      make(
        "figcaption",
        {},
        make("b", {}, `${title}: `),
        make("span", { class: `cases-verdict ${found.kinds[image]}` }, found.words[image]),
        make("br"),
        `${quoted(found.answers[image])}, probability of ${PRESENT} ${chance(found.probabilities[image])}.`,
        nothing,
      ),
    )
  }

  function answersTable(place) {
    const rows = data.systems.map(system => {
      const found = said(place, system.key)
      const chosen = system.key === state.system
      const button = make(
        "button",
        { type: "button", class: "cases-system", "aria-pressed": String(chosen), "data-system": system.key },
        make("b", {}, system.title),
        make("small", {}, system.label),
      )
      button.addEventListener("click", () => {
        state.system = system.key
        draw()
        write()
        table.querySelector(`[data-system="${system.key}"]`).focus()
      })
      const cells = [0, 1].map(image => {
        const bar = make("i")
        bar.style.width = `${100 * found.probabilities[image]}%`
        return make(
          "td",
          { class: found.kinds[image] },
          make("span", { class: "cases-bar", "aria-hidden": "true" }, bar),
          make("b", {}, chance(found.probabilities[image])),
          " ",
          make("span", { class: "cases-word" }, found.words[image]),
        )
      })
      return make("tr", { class: chosen ? "chosen" : "" }, make("th", { scope: "row" }, button), ...cells)
    })
    return make(
      "table",
      { class: "table table-sm" },
      make(
        "caption",
        {},
        `Probability of ${PRESENT} that each system gives; above 0.5 the answer is “${PRESENT}”. ` +
          "Attacked: the radiograph as the attack on that very system left it. Choose a system by its name.",
      ),
      make("thead", {}, make("tr", {}, ...["System", ...IMAGES].map(name => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows),
    )
  }

  // ---------------------------------------------------------------- maps

  function mapsOf(place, found) {
    const film = data.films[place]
    const title = make("h3", { class: "cases-heading" }, `Where ${systems.get(state.system).title} looks`)
    const which = explained.get(film.name)
    if (which === undefined) {
      const why = `Not explained: maps are there for every test radiograph with a ${data.finding} and for ${data.others} without.`
      return [title, make("p", { class: "cases-unexplained" }, why)]
    }
    const said = [0, 1].map(image =>
      make(
        "p",
        { class: "cases-explains" },
        make("b", {}, `${IMAGES[image]}: `),
        image && !found.changed
          ? "the same image, so the same maps."
          : `the maps explain ${quoted(found.answers[image])}, the answer to the ${image ? "attacked" : "clean"} ` +
            `radiograph${found.kinds[image] === "wrong" ? ", which is misclassified." : "."}`,
      ),
    )
    const cards = data.methods.map((method, column) => card(film, found, which, method, column))
    return [title, ...said, make("div", { class: "cases-cards" }, ...cards)]
  }

  function card(film, found, which, method, column) {
    const about = data.maps[state.system]
    const signed = about.signed[column]
    const figures = (found.changed ? [0, 1] : [0]).map(image => {
      const hit = about.hit[image][which][column]
      const notes = [
        hit === null ? "" : `covers\u00a0${decimals(100 * hit, 1)}\u00a0%`,
        about.off[image][which][column] ? "⚠ does not add up" : "",
        about.zero[image][which][column] ? "zero everywhere" : "",
      ].filter(Boolean)
      const label =
        `${method} map of ${image ? "attacked" : "clean"} radiograph ${film.name}` +
        `${state.over ? ", laid over the radiograph" : ""}. ${notes.join(", ")}`.trimEnd()
      return make(
        "figure",
        { class: "cases-figure" },
        mapPicture(film, found, label, [column, image], signed),
        make("figcaption", {}, make("b", {}, IMAGES[image]), notes.length ? `: ${notes.join(", ")}` : ""),
      )
    })
    return make(
      "section",
      { class: "cases-card", "aria-label": method },
      make("h4", { class: "cases-method" }, method),
      legend(signed),
      make("div", { class: "cases-pair" }, ...figures),
    )
  }

  // All maps of a film lie in one picture, a column a method, the attacked ones below the clean.
  function mapPicture(film, found, label, [column, image], signed) {
    const rows = found.changed ? 2 : 1
    const sheet = make("image", {
      class: "cases-pixels",
      href: file("maps", state.system, film.name),
      width: SIZE * data.methods.length,
      height: SIZE * rows,
      preserveAspectRatio: "none",
    })
    const map = make(
      "svg",
      {
        width: SIZE,
        height: SIZE,
        viewBox: `${SIZE * column} ${SIZE * image} ${SIZE} ${SIZE}`,
        opacity: state.over ? OVER_THE_FILM : null,
      },
      sheet,
    )
    const below = state.over
      ? filmLayer(sourceOf(film, found, image))
      : make("rect", { width: SIZE, height: SIZE, fill: signed ? "#fff" : "#000" })
    return picture(label, below, map, outline(film))
  }

  function legend(signed) {
    const strip = make("span", { class: "cases-strip", "aria-hidden": "true" })
    strip.style.background = `linear-gradient(to right, ${data.colours[signed ? "signed" : "unsigned"].join(", ")})`
    const [low, high] = signed ? ["against", "for the answer"] : ["none", "strong"]
    return make("p", { class: "cases-legend" }, strip, make("small", {}, low), make("small", {}, high))
  }

  build()
  start()
})()
