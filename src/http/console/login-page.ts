/** Where a browser shows its token, and what is told to those who are not let in. */
import type { Denial } from './guard.ts';
import { html, type Html, type Part } from './html.ts';
import { messagePage, page } from './layout.ts';
import { denialSentence } from './require-access.ts';

const namespace = 'countersign-system';

/** `next` is where to go on after it. */
export function loginPage(next: string, denial?: Denial): Html {
  return page(
    { title: 'Sign in', bare: true },
    html`<h1>Sign in</h1>
      ${denial !== undefined && html`<div class="notice" role="alert"><p>${denialSentence(denial)}</p></div>`}
      <p>The console shows who may see it what the cluster refused. Show it a token of the cluster:</p>
      <form class="login" method="post" action="/console/login">
        <p>
          <label for="token">Token</label>
          <input
            id="token"
            name="token"
            type="password"
            required
            autocomplete="off"
            spellcheck="false"
            maxlength="16384"
          />
        </p>
        <input type="hidden" name="next" value="${next}" />
        <p class="actions"><button>Sign in</button></p>
      </form>
      <h2>How to get a token</h2>
      <p>Once, somebody who may do so makes an account that may look:</p>
      <pre class="command" tabindex="0"><code>kubectl create serviceaccount console-viewer -n ${namespace}
kubectl create clusterrolebinding console-viewer --clusterrole=countersign-console-viewer --serviceaccount=${namespace}:console-viewer</code></pre>
      <p>Then, each time:</p>
      <pre class="command" tabindex="0"><code>kubectl create token console-viewer -n ${namespace}</code></pre>
      <p>Nothing else than your own <code>kubectl</code> is needed with a port-forward:</p>
      <pre
        class="command"
        tabindex="0"
      ><code>kubectl port-forward -n ${namespace} deployment/countersign 8080</code></pre>
      <p>and <code>http://localhost:8080/console</code>.</p>
      <p>If you have signed in already and followed a link from elsewhere, <a href="${next}">open the page</a>.</p>`,
  );
}

export function denialPage(denial: Denial): Html {
  return messagePage({ title: titleOf(denial), bare: true }, [denialSentence(denial), ...wayOut(denial)]);
}

function titleOf({ kind }: Denial): string {
  switch (kind) {
    case 'unknown':
    case 'rejected':
      return 'Sign in';
    case 'forbidden':
    case 'only-reading':
      return 'Not allowed';
    case 'foreign-host':
      return 'Not by this name';
    case 'too-many':
      return 'Too many tries';
    case 'unavailable':
      return 'The cluster does not answer';
  }
}

function wayOut(denial: Denial): readonly Part[] {
  switch (denial.kind) {
    case 'unknown':
    case 'rejected':
      return [html`<a href="/console/login">Sign in</a>`];
    case 'forbidden':
      return [
        html`Somebody who may do so lets them in:
          <code
            >kubectl create clusterrolebinding NAME --clusterrole=countersign-console-viewer
            ${subjectFlag(denial.user)}</code
          >`,
        html`<a href="/console/login">Sign in as somebody else</a>`,
      ];
    case 'foreign-host':
      return ['Open it as http://localhost:PORT/console, through kubectl port-forward.'];
    case 'only-reading':
      return [];
    case 'too-many':
    case 'unavailable':
      return ['Load this page again in a moment.'];
  }
}

/** A name that a shell would not take for one word stays a placeholder. */
function subjectFlag(user: string): string {
  const [, account] = /^system:serviceaccount:([a-z0-9-]{1,63}:[a-z0-9.-]{1,253})$/.exec(user) ?? [];
  if (account !== undefined) return `--serviceaccount=${account}`;
  return `--user=${/^[\w.@:-]{1,256}$/.test(user) ? user : 'USER'}`;
}
