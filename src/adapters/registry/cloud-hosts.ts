/**
 * Which registry hosts belong to which cloud. Image names are chosen by whoever makes Pods, so that a whole host has to
 * fit, letter by letter: a cloud's token is a credential, and any other host may be anybody's.
 */
import type { CloudName } from './registry-file.ts';

export interface EcrHost {
  readonly region: string;
  readonly fips: boolean;
  /** Of the cloud's API: China has one of its own. */
  readonly domain: 'amazonaws.com' | 'amazonaws.com.cn';
}

const ecr =
  /^\d{12}\.dkr[.-]ecr(?<fips>-fips)?\.(?<region>[a-z]{2,4}(?:-[a-z]+){1,3}-\d{1,2})\.(?<domain>amazonaws\.com|amazonaws\.com\.cn|on\.aws|on\.amazonwebservices\.com\.cn)$/;
const gar = /^(?:[a-z0-9-]+-docker\.pkg\.dev|(?:[a-z0-9-]+\.)?gcr\.io)$/;
const acr = /^[a-z0-9][a-z0-9-]*\.azurecr\.(?:io|cn|us|de)$/;

export function ecrHost(host: string): EcrHost | undefined {
  const { fips, region, domain } = ecr.exec(host)?.groups ?? {};
  if (region === undefined || domain === undefined) return undefined;
  return { region, fips: fips !== undefined, domain: domain.endsWith('.cn') ? 'amazonaws.com.cn' : 'amazonaws.com' };
}

/** Undefined: nobody's, as far as the name says. */
export function cloudOf(host: string): CloudName | undefined {
  if (ecr.test(host)) return 'ecr';
  if (gar.test(host)) return 'gar';
  return acr.test(host) ? 'acr' : undefined;
}
