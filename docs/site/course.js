/* Search results begin with the page's text, not with the words of its buttons. */
if (typeof Search !== "undefined" && Search.htmlToText) {
  const original = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    page
      .querySelectorAll(
        ".bd-header-article, .bd-sidebar-secondary, .bd-footer, .bd-footer-article, .prev-next-footer, .ways, " +
          ".print-contents, #print-main-content, #jb-print-docs-body, #jb-print-toc, .search-button__wrapper, dialog, .visually-hidden, .headerlink, script"
      )
      .forEach((each) => each.remove());
    return original(page.documentElement.outerHTML, anchor).trim();
  };
}
