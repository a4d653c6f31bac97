/** Names of keys in key management services, checked as sigstore policy-controller checks them and in its words. */

const providers = ['awskms://', 'azurekms://', 'hashivault://', 'gcpkms://'];

/** Undefined: nothing is wrong with it. Of other services than AWS only the beginning is looked at. */
export function kmsProblem(uri: string): string | undefined {
  if (!providers.some((prefix) => uri.startsWith(prefix)))
    return `malformed KMS format, should be prefixed by any of the supported providers: [${providers.join(' ')}]`;
  return uri.startsWith('awskms://') ? awsProblem(uri) : undefined;
}

const uuid = 'm?r?k?-?[A-Fa-f0-9]{8}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{12}';
const arn = String.raw`arn:(?:aws|aws-us-gov|aws-cn):kms:[a-z0-9-]+:\d{12}:`;
const awsForms = [uuid, `${arn}key/${uuid}`, 'alias/.*', `${arn}alias/.*`].map(
  (form) => new RegExp(`^awskms://[^/]*/${form}$`),
);
const awsForm = 'kms key should be in the format awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)';
const awsParts =
  "malformed AWS KMS format 'awskms://$ENDPOINT/$KEYID', should be conformant with KMS standard documented here: " +
  'https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id';

/** awskms://[HOST:PORT]/ARN. Ids and aliases by name alone have the right form and no region, so they are refused last. */
function awsProblem(uri: string): string | undefined {
  const [, , endpoint = '', key = '', ...rest] = uri.split('/');
  if (key === '' && rest.length === 0 && uri.split('/').length < 4) return awsParts;
  if (!awsForms.some((form) => form.test(uri))) return awsForm;
  if (/^(?:arn|alias)/.test(endpoint)) return awsForm;
  const problem = endpoint === '' ? undefined : endpointProblem(endpoint);
  if (problem !== undefined) return `malformed endpoint: address ${endpoint}: ${problem}`;
  return key.startsWith('arn:') ? undefined : 'failed to parse either key or alias arn: arn: invalid prefix';
}

/** Go's net.SplitHostPort. */
function endpointProblem(endpoint: string): string | undefined {
  const colon = endpoint.lastIndexOf(':');
  if (colon === -1) return 'missing port in address';
  if (!endpoint.startsWith('[')) {
    const host = endpoint.slice(0, colon);
    if (host.includes(':')) return 'too many colons in address';
    return bracketProblem(endpoint);
  }
  const end = endpoint.indexOf(']');
  if (end === -1) return "missing ']' in address";
  if (end + 1 === endpoint.length) return 'missing port in address';
  if (end + 1 !== colon) return endpoint[end + 1] === ':' ? 'too many colons in address' : 'missing port in address';
  return bracketProblem(endpoint.slice(1, end) + endpoint.slice(end + 1));
}

function bracketProblem(text: string): string | undefined {
  if (text.includes('[')) return "unexpected '[' in address";
  return text.includes(']') ? "unexpected ']' in address" : undefined;
}
