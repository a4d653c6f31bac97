import { html, type Html, type Part } from './html.ts';

export interface PageFrame {
  /** Of the document; "· Countersign" is added. */
  readonly title: string;
  /** Which entry of the navigation this is, or below which. */
  readonly here?: 'decisions' | 'actions' | 'tasks' | 'agents' | 'policies';
  /** Absent: nobody has logged in, so there is nothing to log out of. */
  readonly user?: string;
  /** Absent: no navigation, since nothing can be reached. */
  readonly bare?: true;
}

export function page(frame: PageFrame, main: Part): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${frame.title} · Countersign</title>
        <link rel="stylesheet" href="/console/style.css" />
      </head>
      <body>
        <a class="to-content" href="#main">Skip to the content</a>
        <header>
          <p class="brand">Countersign</p>
          ${frame.bare === undefined && navigation(frame)} ${frame.user !== undefined && whoAmI(frame.user)}
        </header>
        <main id="main" tabindex="-1">${main}</main>
      </body>
    </html> `;
}

function navigation({ here }: PageFrame): Html {
  const entry = (name: PageFrame['here'], href: string, text: string): Html =>
    name === here
      ? html`<li><a href="${href}" aria-current="true">${text}</a></li>`
      : html`<li><a href="${href}">${text}</a></li>`;
  return html`<nav aria-label="Console">
    <ul>
      ${entry('decisions', '/console', 'Decisions')} ${entry('actions', '/console/actions', 'Actions')}
      ${entry('tasks', '/console/tasks', 'Tasks')} ${entry('agents', '/console/agents', 'Agents')}
      ${entry('policies', '/console/policies', 'Policies')}
    </ul>
  </nav>`;
}

function whoAmI(user: string): Html {
  return html`<form class="who" method="post" action="/console/logout">
    <span>Signed in as <b>${user}</b></span>
    <button>Sign out</button>
  </form>`;
}

/** A short page that says one thing: errors, denials. */
export function messagePage(frame: PageFrame, sentences: readonly Part[]): Html {
  return page(
    frame,
    html`<h1>${frame.title}</h1>
      ${sentences.map((sentence) => html`<p>${sentence}</p>`)}`,
  );
}

/** ISO 8601, shown to the second. */
export function time(iso: string): Html {
  const shown = iso.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC');
  return html`<time datetime="${iso}">${shown}</time>`;
}
