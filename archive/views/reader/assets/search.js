// The search page: asks Pagefind's index for what is typed, and shows what it finds. All text goes in as text.
"use strict";
{
  // One rule with `spaced` of archive/views/reader/search.py: how the text is indexed.
  const CHARACTER = "\\u3005-\\u3007\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
  const LETTER = "[\\p{L}\\p{N}]";
  const AFTER_MARK = new RegExp(`(?<=[${CHARACTER}])([^\\p{L}\\p{N}_\\s])(?=${LETTER})`, "gu");
  const GAP = new RegExp(`(?<=\\S)(?=[${CHARACTER}])|(?<=[${CHARACTER}])(?=${LETTER})`, "gu");
  const HAS_CHARACTER = new RegExp(`[${CHARACTER}]`, "u");
  const JOINT = new RegExp(`(?<=[${CHARACTER}]\\p{P}*) (?=\\S)|(?<=\\S) (?=[${CHARACTER}])`, "gu");
  const TERM = /["“”「」『』]([^"“”「」『』]+)["“”「」『』]|([^\s"“”「」『』]+)/gu;
  const PAGE = 20;
  const AROUND = 40;
  const LONG = 140;

  const form = document.querySelector(".search");
  const input = document.getElementById("q");
  const sites = document.getElementById("site");
  const count = document.getElementById("count");
  const list = document.getElementById("found");
  const more = document.getElementById("more");
  const base = new URL("./", document.baseURI);
  let pagefind;
  let asked = 0;
  let waiting;
  let rest = [];
  let terms = [];

  const spaced = (text) => text.replace(AFTER_MARK, "$1 ").replace(GAP, " ");

  function termsOf(query) {
    return [...query.matchAll(TERM)].map(([, quoted, bare]) => {
      const text = (quoted ?? bare).trim();
      return { text, phrase: quoted !== undefined || HAS_CHARACTER.test(text) };
    }).filter(({ text }) => /[\p{L}\p{N}]/u.test(text));
  }

  const folded = (text) => text.normalize("NFD").replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();

  // A word that no post has Pagefind takes for the longest beginning of it that one has: "archive" for "app". It does
  // so for all posts or for none, so one tells. Of a word's end three letters may differ, as its stem does.
  async function isMeant(text, result) {
    const word = folded(text);
    const stem = /\d/.test(word) ? word : word.slice(0, Math.max(3, word.length - 3));
    const data = await result.data();
    const words = data.content.split(/\s+/);
    return data.locations.some((place) => folded(words[place] ?? "").includes(stem));
  }

  async function ask({ text, phrase }) {
    const { results } = await pagefind.search(phrase ? `"${spaced(text)}"` : text);
    const found = results.filter(({ words }) => words.length);
    return phrase || !found.length || (await isMeant(text, found[0])) ? found : [];
  }

  async function find(wanted, site) {
    const lists = await Promise.all(wanted.map(ask));
    const others = lists.slice(1).map((results) => new Map(results.map((each) => [each.id, each.score])));
    const ofSite = site && new Set(await json(`search/sites/${site}.json`));
    return (lists[0] ?? [])
      .filter(({ id }) => (!ofSite || ofSite.has(id)) && others.every((scores) => scores.has(id)))
      .map((each) => ({ each, score: others.reduce((sum, scores) => sum + scores.get(each.id), each.score) }))
      .sort((a, b) => b.score - a.score)
      .map(({ each }) => each);
  }

  async function json(name) {
    const answer = await fetch(new URL(name, base));
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    return answer.json();
  }

  function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  // Text as it was before it was set apart, lines behind one another.
  const plain = (text) => text.replace(JOINT, "").replace(/\s*¶\s*/g, " ");

  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  function marked(text, pattern) {
    return text.split(pattern).map((part, index) => (index % 2 ? element("mark", "", part) : part));
  }

  // Pagefind's own excerpt has its marks as tags and < and > as entities, and nothing else.
  function excerptOf(data) {
    const text = plain(data.content);
    const pattern = new RegExp(`(${terms.map((term) => escaped(plain(spaced(term.text)))).join("|")})`, "giu");
    // The title stands above already: begin behind it.
    const title = plain(spaced(data.meta.title));
    const start = text.startsWith(title) ? title.length + text.slice(title.length).search(/[^.\s]|$/) : 0;
    const at = text.slice(start).search(pattern);
    if (at < 0 && text.search(pattern) < 0) {
      const parts = plain(data.excerpt).split(/<\/?mark>/);
      return parts.map((part, index) => {
        const shown = part.replaceAll("&lt;", "<").replaceAll("&gt;", ">");
        return index % 2 ? element("mark", "", shown) : shown;
      });
    }
    let from = start + Math.max(0, at - AROUND);
    // Not in the midst of a word, as far as words are short; of an emoji of two halves not the second.
    const back = /[\p{L}\p{N}\p{M}]{0,20}$/u.exec(text.slice(start, from))[0];
    if (!HAS_CHARACTER.test(back)) from -= back.length;
    if (/^[\udc00-\udfff]/.test(text.slice(from))) from += 1;
    const letters = [...text.slice(from, from + 2 * LONG)];
    const shown = letters.slice(0, LONG).join("").trim();
    return [from > start ? "… " : "", ...marked(shown, pattern), letters.length > LONG ? " …" : ""];
  }

  async function row(result) {
    const data = await result.data();
    const link = element("a", "", data.meta.title);
    link.href = new URL(data.raw_url.replace(/^\/+/, ""), base).href;
    const day = element("time", "", data.meta.date);
    const meta = element("p", "meta", element("span", "", data.meta.site), day);
    return element("li", "row", element("h2", "", link), element("p", "excerpt", ...excerptOf(data)), meta);
  }

  async function show(mine, fresh) {
    const rows = await Promise.all(rest.slice(0, PAGE).map(row));
    if (mine !== asked) return;
    rest = rest.slice(PAGE);
    if (fresh) list.replaceChildren();
    list.append(...rows);
    more.hidden = !rest.length;
    if (!fresh) rows[0]?.querySelector("a").focus();
  }

  async function search() {
    const mine = ++asked;
    const query = input.value.trim();
    const site = sites.value;
    const url = new URL(location.href);
    for (const [name, value] of [["q", query], ["site", site]]) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    if (url.href !== location.href) history.replaceState(null, "", url);
    const wanted = termsOf(query);
    try {
      const results = await find(wanted, site);
      if (mine !== asked) return;
      rest = results;
      terms = wanted;
      await show(mine, true);
      if (mine !== asked) return;
      const { none, one, many } = form.dataset;
      const told = results.length > 1 ? many : results.length ? one : none;
      count.textContent = wanted.length ? told.replace("{n}", results.length).replace("{q}", () => query) : "";
    } catch (error) {
      if (mine !== asked) return;
      list.replaceChildren();
      more.hidden = true;
      count.textContent = form.dataset.failed;
      console.error(error);
    }
  }

  function later() {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  }

  function fromAddress() {
    const given = new URL(location.href).searchParams;
    input.value = given.get("q") ?? "";
    const site = given.get("site") ?? "";
    sites.value = [...sites.options].some(({ value }) => value === site) ? site : "";
  }

  function offer(table) {
    sites.append(new Option(form.dataset.all, ""), ...table.map(({ site, title, posts }) => new Option(`${title || site} (${posts})`, site)));
    sites.closest("p").hidden = table.length < 2;
  }

  async function begin() {
    form.hidden = false;
    input.focus();
    const table = await json("search/sites.json");
    offer(table);
    // An archive without posts has no index.
    pagefind = table.length ? await import(new URL("search/pagefind.js", base)) : { search: async () => ({ results: [] }) };
    await pagefind.init?.();
    if (input.value) later();
    else fromAddress();
    input.addEventListener("input", later);
    sites.addEventListener("change", search);
    more.addEventListener("click", () => show(asked, false));
    input.addEventListener("keydown", async (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      clearTimeout(waiting);
      await search();
      list.querySelector("a")?.focus();
    });
    if (input.value) await search();
  }

  if (location.protocol === "file:") {
    document.getElementById("from-disk").hidden = false;
  } else {
    begin().catch((error) => {
      count.textContent = form.dataset.failed;
      console.error(error);
    });
  }
}
