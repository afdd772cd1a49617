// What an accessibility pass finds on the page that is open, as a list of sentences: contrast (WCAG 2.2 1.4.3), target size
// (2.5.8, with its exceptions for sentences and for spacing), ids and references, headings, and whether it fits the window.
(() => {
  const found = [];
  const name = (el) => `<${el.tagName.toLowerCase()}${el.id ? "#" + el.id : ""}${typeof el.className === "string" && el.className ? "." + el.className.replaceAll(" ", ".") : ""}> ${(el.innerText || el.value || "").trim().slice(0, 40)}`;
  for (const part of document.querySelectorAll("details")) part.open = true;

  const headings = document.querySelectorAll("h1").length;
  if (headings !== 1) found.push(`${headings} headings of the first level`);
  if (!document.documentElement.lang || !document.title.trim() || !document.querySelector("main")) found.push("language, title or main is missing");
  const ids = new Set();
  for (const el of document.querySelectorAll("[id]")) {
    if (ids.has(el.id)) found.push(`the id ${el.id} stands there twice`);
    ids.add(el.id);
  }
  for (const attribute of ["for", "aria-describedby", "aria-labelledby"]) {
    for (const el of document.querySelectorAll(`[${attribute}]`)) {
      if (!ids.has(el.getAttribute(attribute))) found.push(`${attribute} leads nowhere: ${name(el)}`);
    }
  }
  for (const el of document.querySelectorAll("[tabindex]")) if (el.tabIndex > 0) found.push(`out of the order of the page: ${name(el)}`);
  for (const el of document.querySelectorAll("th:not([scope])")) found.push(`a heading of nothing: ${name(el)}`);
  if (document.documentElement.scrollWidth > innerWidth) found.push(`wider than the window: ${document.documentElement.scrollWidth} of ${innerWidth}`);

  // Colours, composed over what lies behind them.
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const colour = (text) => {
    if (!known.has(text)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = text;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((part, i) => part * a + below[i] * (1 - a));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part /= 255) <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + .05) / (dark + .05);
  };
  const grounds = (el) => {
    if (!el) return [colour("Canvas").slice(0, 3)];
    const style = getComputedStyle(el), own = colour(style.backgroundColor);
    let layers = own[3] === 1 ? [own.slice(0, 3)] : grounds(el.parentElement).map((below) => over(own, below));
    if (style.backgroundImage.includes("gradient")) {
      layers = (style.backgroundImage.match(/(rgba?|color)\([^)]*\)/g) ?? []).map((stop) => over(colour(stop), layers[0]));
    }
    return layers;
  };
  const seen = (el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !el.closest(".sr, .skip");
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), judged = new Set();
  while (texts.nextNode()) {
    const el = texts.currentNode.parentElement;
    if (judged.has(el) || !texts.currentNode.data.trim() || el.closest("svg, script, noscript, option, :disabled") || !seen(el)) continue;
    judged.add(el);
    const style = getComputedStyle(el), size = parseFloat(style.fontSize);
    const wanted = size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5;
    const least = Math.min(...grounds(el).map((ground) => contrast(over(colour(style.color), ground), ground)));
    if (size > 0 && least < wanted) found.push(`contrast ${least.toFixed(2)}: ${name(el)}`);
  }

  // Targets.
  const area = (el) => {
    const box = el.getBoundingClientRect(), label = el.labels?.[0]?.getBoundingClientRect();
    if (!label || !["checkbox", "radio"].includes(el.type)) return box;
    const left = Math.min(box.left, label.left), top = Math.min(box.top, label.top);
    return new DOMRect(left, top, Math.max(box.right, label.right) - left, Math.max(box.bottom, label.bottom) - top);
  };
  const targets = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter(seen).map((el) => ({ el, box: area(el) })).filter(({ box }) => box.width > 1);
  const small = ({ box }) => box.width < 23.5 || box.height < 23.5;
  const centre = ({ box }) => [box.left + box.width / 2, box.top + box.height / 2];
  const near = (one, other) => {
    const [x, y] = centre(one);
    if (small(other)) {
      const [a, b] = centre(other);
      return Math.hypot(x - a, y - b) < 23.5;
    }
    const dx = Math.max(other.box.left - x, 0, x - other.box.right), dy = Math.max(other.box.top - y, 0, y - other.box.bottom);
    return Math.hypot(dx, dy) < 11.5;
  };
  for (const one of targets) {
    const inSentence = getComputedStyle(one.el).display === "inline" && one.el.parentElement.innerText.trim().length > one.el.innerText.trim().length;
    if (!small(one) || inSentence) continue;
    const crowd = targets.find((other) => other !== one && !one.el.contains(other.el) && !other.el.contains(one.el) && near(one, other));
    if (crowd) found.push(`a target of ${one.box.width.toFixed(0)} by ${one.box.height.toFixed(0)} beside another: ${name(one.el)}, ${name(crowd.el)}`);
  }
  return found;
})()
