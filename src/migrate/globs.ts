/**
 * Patterns of image names in which `*` crosses slashes, as globs of ClusterImagePolicy. Characters that our globs do not have
 * become `**`: then the glob matches more, and `exact` is false.
 */

export interface Translated {
  readonly globs: readonly string[];
  /** They match what the pattern matches, and nothing else. */
  readonly exact: boolean;
}

const maxLength = 1000;

/** `*` any text, `?` any character. Whatever else is strange becomes `**`. */
export function widened(pattern: string): Translated {
  const glob = pattern.replaceAll(/[^a-zA-Z0-9\-_:/.@]+/g, '**');
  const exact = !/[^a-zA-Z0-9\-_:/.@*]/.test(pattern);
  if (glob === '' || glob.length > maxLength) return { globs: ['**'], exact: false };
  return { globs: [glob], exact };
}

const hub = 'docker.io/';

/** For products to which Docker Hub is `docker.io`; here it is `index.docker.io`. */
export function withHub({ globs, exact }: Translated): Translated {
  return { globs: [...new Set(globs.flatMap(hubVariants))], exact };
}

function hubVariants(glob: string): readonly string[] {
  if (glob.startsWith(hub)) return [`index.${glob}`];
  const literal = glob.slice(0, Math.max(0, glob.indexOf('*')));
  // E.g. "doc**": of Docker Hub too.
  const isBeginning = glob.includes('*') && literal !== '' && hub.startsWith(literal);
  return isBeginning ? [glob, `index.${glob}`] : [glob];
}

/** For products that compare the name as it was written: what is not qualified may be Docker Hub's. */
export function withUnqualified({ globs, exact }: Translated): Translated {
  const more = globs.flatMap((glob) => {
    const [first = '', ...rest] = glob.split('/');
    const isHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
    return isHost || glob.startsWith('**')
      ? [glob]
      : [glob, `index.docker.io/${glob}`, `index.docker.io/library/${glob}`];
  });
  return { globs: [...new Set(more)], exact };
}

/** Kubernetes' and Kyverno's wildcards in a text, as an RE2 expression that must match all of it. */
export function wildcardExpression(text: string): string {
  const body = text.replaceAll(/[*?]|[^*?]+/g, (part) => {
    if (part === '*') return '(?s:.*)';
    return part === '?' ? '(?s:.)' : escaped(part);
  });
  return `^${body}$`;
}

export function escaped(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, (character) => `\\${character}`);
}
