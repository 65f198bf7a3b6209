"""A profile drafted from pages: what `birdnest new-site` works out, as plain functions of pages.

A page says a lot about itself. Addresses that differ in a number are posts; blocks that repeat around such addresses
are a list; the article's own page says its title thrice. So values are located first, in each page by itself, and
where they stand is then said in the shortest selector that finds them in *all* pages given, and nothing else there:

- `pages`      pages on disk → pages with the addresses they came from
- `css`        elements in trees → a short CSS selector that finds them in each, and nothing before them
- `addresses`  addresses → the pattern they have in common, with the site's own id
- `lists`      a page → its repeated blocks, and the selectors inside them
- `located`    a page → its article, as the search for articles of unknown sites has it
- `articles`   pages of articles → the selectors of their fields
- `findings`   pages → which are lists, which articles, and all of the above of them
- `site`       findings → a profile
- `account`    findings → how each part of the profile is known, and what a person has to look at
- `source`     a profile and notes → the text of its module
- `fixture`    a page → the files of a test case

Nothing in a page is trusted: what of it gets into the module passes through `source.literal` or `source.plain`.
"""
