// <pf-tabs> around a role="tablist" and its panels: arrows, Home and End move; one panel is shown. Tells "change".

class Tabs extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const tab = event.target.closest('[role="tab"]');
      if (tab !== null && this.#tabs.includes(tab)) this.select(tab);
    });
    this.addEventListener("keydown", (event) => this.#move(event));
    for (const tab of this.#tabs) tab.disabled = false; // until now a page may have shown them as not ready
    this.select(this.#tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? this.#tabs[0], false);
  }

  get #tabs() {
    return [...this.querySelectorAll('[role="tab"]')];
  }

  select(chosen, tell = true) {
    for (const tab of this.#tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls"));
      if (panel !== null) panel.hidden = !isChosen;
    }
    if (tell) this.dispatchEvent(new CustomEvent("change", { detail: chosen.id }));
  }

  #move(event) {
    const tabs = this.#tabs;
    const at = tabs.indexOf(document.activeElement);
    if (at < 0) return;
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = tabs[(next + tabs.length) % tabs.length];
    tab.focus();
    this.select(tab);
  }
}

customElements.define("pf-tabs", Tabs);
