// What the browser made of a body, as values. Nothing here knows how the cleaner works.
(html, cuts) => {
  const box = document.getElementById("box");
  box.innerHTML = html;
  for (const details of box.querySelectorAll("details")) details.open = true;
  const cut = {};
  for (const [rule, selector] of Object.entries(cuts)) {
    cut[rule] = [];
    for (const element of [...box.querySelectorAll(selector)]) {
      if (element.innerText.trim() && element.checkVisibility()) cut[rule].push(element.innerText);
      element.remove();
    }
  }
  const shown = selector => [...box.querySelectorAll(selector)].filter(element => element.checkVisibility());
  const texts = selector => shown(selector).map(element => element.innerText);
  const address = /^(https?:)?\/\/|^\/[^/\s]|^data:image|\.(jpe?g|png|gif|webp|bmp|avif)\b/i;
  const first = set => set.split(/,\s+/).map(part => part.trim().split(/\s/)[0]);
  const addresses = image => {
    const found = { src: image.getAttribute("src") || image.getAttribute("href") || "", lazy: [] };
    for (const { name, value } of image.attributes) {
      if (["src", "alt", "title", "class", "style", "id", "href"].includes(name)) continue;
      if (name.endsWith("srcset")) found.lazy.push(...first(value));
      else if (address.test(value.trim())) found.lazy.push(value.trim());
    }
    const around = image.closest("picture");
    if (around) for (const source of around.querySelectorAll("source[srcset]"))
      found.lazy.push(...first(source.getAttribute("srcset")));
    const link = image.closest("a[href]");
    found.link = link ? link.getAttribute("href") : "";
    found.width = image.getAttribute("width") || image.style?.width || "";
    found.height = image.getAttribute("height") || image.style?.height || "";
    found.noscript = false;
    return found;
  };
  const images = shown("img, amp-img, mip-img, svg image").map(addresses);
  for (const noscript of box.querySelectorAll("noscript")) {
    if (!noscript.parentElement.checkVisibility()) continue;
    const inner = new DOMParser().parseFromString(noscript.textContent, "text/html");
    for (const image of inner.querySelectorAll("img")) images.push({ ...addresses(image), noscript: true });
  }
  for (const element of shown("[style*='url(']")) {
    const url = /url\(["']?([^"')]+)/.exec(getComputedStyle(element).backgroundImage);
    if (url && element.getBoundingClientRect().height >= 60 && !element.innerText?.trim()
        && !element.querySelector("img, video, iframe"))
      images.push({ src: url[1], lazy: [], link: "", width: "", height: "", noscript: false });
  }
  const target = fragment => {
    let name = fragment;
    try { name = decodeURIComponent(fragment); } catch { /* as it is */ }
    const quoted = [...new Set([name, fragment])].map(one => JSON.stringify(one));
    return quoted.some(one => box.querySelector(`[id=${one}], a[name=${one}]`));
  };
  const links = shown("a[href]").filter(link => link instanceof HTMLAnchorElement).map(link => {
    const href = link.getAttribute("href").trim();
    return { url: link.href, href, text: link.innerText, pictures: [...link.querySelectorAll("img")].map(image => image.getAttribute("src") || "data-"),
             inside: href.length > 1 && href[0] == "#" && target(href.slice(1)) };
  });
  const stray = [];
  for (const element of box.querySelectorAll("*"))
    for (const { name, value } of element.attributes) {
      const wanted = name == "id" ? [...box.querySelectorAll("a[href]")].some(a => a.getAttribute("href") == "#" + value)
        : name == "class" ? element.localName == "code" && /^language-[^\s]+$/.test(value)
        : name != "style" && !name.startsWith("on") && !name.startsWith("data-");
      if (!wanted) stray.push(name);
    }
  const tables = shown("table").filter(table => table.querySelectorAll("td, th").length > 1);
  const result = {
    text: box.innerText, cut, images, links, stray,
    headings: shown("h1, h2, h3, h4, h5, h6").filter(h => h instanceof HTMLElement).filter(h => !h.matches(".img-desc")).map(h => h.innerText),
    cells: tables.flatMap(table => [...table.querySelectorAll("td, th")].filter(cell => cell.closest("table") == table
      && cell.checkVisibility())).map(cell => cell.innerText),
    listings: shown("pre").filter(pre => !pre.querySelector("img")).map(pre => pre.innerText),
  };
  box.textContent = "";
  return result;
}
