/**
 * Where signatures may be said to be: a registry, or a repository with its registry. The checks and words are those of
 * go-containerregistry in strict validation, which policy-controller uses; one check more keeps paths from climbing.
 */

/** Undefined: nothing is wrong with it. */
export function locationProblem(oci: string): string | undefined {
  const slash = oci.indexOf('/');
  const first = slash === -1 ? '' : oci.slice(0, slash);
  return /[.:]/.test(first) ? repositoryProblem(first, oci.slice(slash + 1)) : registryProblem(oci);
}

const characters = 'abcdefghijklmnopqrstuvwxyz0123456789_-./';

function repositoryProblem(registry: string, path: string): string | undefined {
  const length = Array.from(path).length;
  if (length < 2 || length > 255) return `repository must be between 2 and 255 characters in length: ${path}`;
  if (!/^[a-z0-9_./-]*$/.test(path)) return `repository can only contain the characters \`${characters}\`: ${path}`;
  const problem = registryProblem(registry);
  if (problem !== undefined) return problem;
  if (/^(?:index\.)?docker\.io$/.test(registry) && !path.includes('/'))
    return "strict validation requires the full repository path (missing 'library')";
  return path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
    ? `the repository has an empty, "." or ".." path segment: ${path}`
    : undefined;
}

/** RFC 3986 authority without userinfo: a name, or an IPv6 address in brackets, and a port. */
const authority = /^(?:[A-Za-z0-9._~!$&'()*+,;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?$/;

function registryProblem(registry: string): string | undefined {
  return authority.test(registry) ? undefined : `registries must be valid RFC 3986 URI authorities: ${registry}`;
}
