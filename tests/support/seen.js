// What a page shows, as its reader sees it: the boxes of all text, of all controls, and what cuts
// them off. Run in the page by tests; nothing in the page is changed.
() => {
  const told = (element) => {
    const names = [];
    for (let one = element; one && names.length < 4; one = one.parentElement) {
      const name = one.localName + (one.id ? "#" + one.id : "") +
        [...one.classList].map((word) => "." + word).join("");
      names.unshift(name);
      if (one.id) break;
    }
    return names.join(" > ");
  };
  const box = (rect) => [rect.left + scrollX, rect.top + scrollY, rect.width, rect.height];
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  // For screen readers only: a box of a pixel that clips what is in it.
  const unseen = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      const size = one.getBoundingClientRect();
      const small = size.width <= 1 || size.height <= 1;
      if (small && (style.overflow !== "visible" || style.clipPath !== "none")) return true;
      if (style.clip === "rect(0px, 0px, 0px, 0px)" || style.clipPath === "inset(50%)") return true;
      if (one.localName === "foreignObject") break;
    }
    return false;
  };
  // Laid over others on purpose: a bar that stays while the page moves under it.
  const afloat = (element) => {
    for (let one = element; one; one = one.parentElement) {
      if (["fixed", "sticky"].includes(getComputedStyle(one).position)) return true;
    }
    return false;
  };
  // The boxes that cut: "hidden" loses what is outside for good, "scroll" lets it be reached.
  const frames = (element) => {
    const found = [];
    for (let one = element; one && one !== document.documentElement; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (one.localName !== "svg" && /^(inline|contents)$/.test(style.display)) continue;
      for (const [axis, way] of [["x", style.overflowX], ["y", style.overflowY]]) {
        if (way === "visible") continue;
        const reached = way === "auto" || way === "scroll";
        found.push([axis, reached, box(one.getBoundingClientRect()), told(one)]);
      }
    }
    return found;
  };

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const home = node.parentElement;
    if (!node.data.trim() || home.closest("script, style, noscript, option, title, desc")) continue;
    if (!shown(home) || unseen(home)) continue;
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()].filter((one) => one.width > 0.5 && one.height > 0.5);
    if (!lines.length) continue;
    const style = getComputedStyle(home);
    texts.push({
      text: node.data.trim().slice(0, 60),
      where: told(home),
      lines: lines.map(box),
      frames: frames(home),
      afloat: afloat(home),
      skip: !!home.closest('a[href^="#"]'),
      ellipsis: style.textOverflow === "ellipsis" && !!home.closest("[title]"),
    });
  }
  const controls = [];
  for (const one of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
    if (one.type === "hidden" || !shown(one) || unseen(one)) continue;
    const lines = [...one.getClientRects()].filter((rect) => rect.width > 0.5 && rect.height > 0.5);
    if (lines.length) {
      const label = (one.innerText ?? one.textContent ?? "").trim().slice(0, 60);
      controls.push({ text: label, where: told(one), lines: lines.map(box), afloat: afloat(one) });
    }
  }
  return { width: document.documentElement.scrollWidth, texts, controls };
}
