/** The only style; colours of both schemes have a contrast of at least 4.5 to 1 on what they stand on (WCAG 2.2 AA). */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f4f5f7; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --link: #0a55c2;
  --bad: #a40e26; --bad-ground: #ffebe9; --late: #7a4100; --late-ground: #fff1d6; --good: #116329; --good-ground: #e3f6e8;
  --focus: #0a55c2; --button: #1b1f24; --button-text: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151a; --raised: #1a2027; --text: #e6edf3; --quiet: #a3adb8; --line: #39424d; --link: #7db7ff;
    --bad: #ffa198; --bad-ground: #3c1618; --late: #f2c069; --late-ground: #372607; --good: #7ee29a; --good-ground: #0f2e19;
    --focus: #7db7ff; --button: #e6edf3; --button-text: #11151a;
  }
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--text); }
body { margin: 0; overflow-wrap: break-word; }
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
main:focus { outline: none; }
.to-content { position: absolute; left: -999rem; padding: 0.5rem 1rem; background: var(--ground); z-index: 1; }
.to-content:focus { left: 0.5rem; top: 0.5rem; }

header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1.5rem; padding: 0.5rem 1.5rem; background: var(--raised); border-bottom: 1px solid var(--line); }
.brand { margin: 0; font-weight: 700; letter-spacing: 0.01em; }
header ul { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: 0; padding: 0; list-style: none; }
header nav a { display: block; padding: 0.3rem 0; color: var(--text); text-decoration: none; border-bottom: 3px solid transparent; }
header nav a:hover { text-decoration: underline; }
header nav a[aria-current] { font-weight: 700; border-bottom-color: var(--link); }
.who { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.75rem; margin-left: auto; font-size: 0.875rem; }

main { max-width: 84rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.75rem 0 1rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem; }
.quiet { color: var(--quiet); }
code, .image, .message, dd { overflow-wrap: anywhere; }
code, pre, .image { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 0.875em; }
pre { margin: 0.5rem 0; padding: 0.75rem 1rem; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; overflow: auto; }
pre code { font-size: inherit; }
pre.command { white-space: pre-wrap; }
pre.yaml { max-height: 32rem; overflow-wrap: normal; }
.message { white-space: pre-line; }

.badge { display: inline-block; padding: 0.05rem 0.5rem; border: 1px solid currentcolor; border-radius: 1rem; font-size: 0.875rem; font-weight: 600; white-space: nowrap; }
.refuse, .broken, .error, .failed { color: var(--bad); background: var(--bad-ground); }
.unavailable, .warn, .executing, .running, .queued, .not-ready, .never-matches { color: var(--late); background: var(--late-ground); }
.admit, .ready, .completed { color: var(--good); background: var(--good-ground); }
.skip, .skipped, .cancelled, .pending { color: var(--quiet); background: var(--raised); }

table { width: 100%; border-collapse: collapse; margin: 1rem 0; font-size: 0.9375rem; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.5rem; }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 1rem 0.5rem 0; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { font-size: 0.8125rem; font-weight: 600; color: var(--quiet); white-space: nowrap; }
tbody tr:hover { background: var(--raised); }
td time, .whole { white-space: nowrap; }
tbody th { min-width: 11rem; }
td { min-width: 6rem; }
td, tbody th { overflow-wrap: anywhere; }
td .image { min-width: 11rem; }
td .image, td code { display: inline-block; }

dl { margin: 0.5rem 0; }
dl div { display: grid; grid-template-columns: 12rem 1fr; gap: 0 1rem; padding: 0.2rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; }

form p { margin: 0; }
label { display: block; font-size: 0.875rem; font-weight: 600; margin-bottom: 0.2rem; }
input, select, button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: 6px; padding: 0.35rem 0.6rem; min-height: 2.4rem; }
input, select { width: 100%; }
::placeholder { color: var(--quiet); opacity: 1; }
button { font-weight: 600; background: var(--button); color: var(--button-text); border-color: var(--button); cursor: pointer; padding: 0.35rem 1.1rem; }
.who button { min-height: 0; padding: 0.15rem 0.7rem; background: transparent; color: inherit; border-color: var(--quiet); }
.filters { padding: 1rem; background: var(--raised); border: 1px solid var(--line); border-radius: 8px; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 0.75rem 1rem; }
.filters details { margin: 0.75rem 0; }
.filters details .fields { margin-top: 0.75rem; }
summary { cursor: pointer; }
.actions { display: flex; align-items: center; gap: 1rem; margin-top: 0.75rem; }
.login { max-width: 40rem; }
.login .actions { margin-top: 0.75rem; }

.notice, .empty, .fix { margin: 1.25rem 0; padding: 0.25rem 1.25rem 0.75rem; border: 1px solid var(--line); border-left: 5px solid var(--late); border-radius: 6px; background: var(--raised); }
.empty { border-left-color: var(--link); }
.fix { border-left-color: var(--good); }
.notice h2, .empty h2, .fix h2 { margin-top: 0.5rem; }
.notice li, .empty li, .fix li { margin: 0.3rem 0; }
.fix pre { background: var(--ground); }
.reasons { list-style: none; padding: 0; margin: 0; }
.reasons li { padding: 0.25rem 1rem; margin: 0.5rem 0; border: 1px solid var(--line); border-left: 5px solid var(--bad); border-radius: 6px; }
.reasons p { margin: 0.25rem 0; }
.code { font-weight: 700; }
.verdict { font-size: 1.05rem; }
.counts { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; margin: 1rem 0; padding: 0; list-style: none; }
.counts a { color: inherit; text-decoration: none; }
.counts a:hover b { text-decoration: underline; }
.pager { display: flex; gap: 1.5rem; margin: 1rem 0; }

@media (max-width: 48rem) {
  header, main { padding-left: 1rem; padding-right: 1rem; }
  .who { margin-left: 0; }
  .fields { grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
  dl div { grid-template-columns: 1fr; padding: 0.3rem 0; }
  table, tbody, tr, th, td, caption { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: 0.5rem 1rem; margin: 0.75rem 0; border: 1px solid var(--line); border-radius: 8px; }
  th, td { border: 0; padding: 0.25rem 0; }
  td::before { content: attr(data-title); display: block; font-size: 0.8125rem; color: var(--quiet); }
}
@media (prefers-reduced-motion: no-preference) {
  a, button { transition: color 0.1s; }
}
@media (forced-colors: active) {
  .badge { border: 1px solid; }
}
`;
