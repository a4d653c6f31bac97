/** Where the serving certificate comes from: files, a Secret that replicas share, or this process. */
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { fileCertificates } from '../../adapters/certificates/file-certificates.ts';
import { secretCertificates, type SecretCertificates } from '../../adapters/certificates/secret-certificates.ts';
import { secretStore } from '../../adapters/certificates/secret-store.ts';
import { selfSignedCertificates } from '../../adapters/certificates/self-signed-certificates.ts';
import { webhookConfigurations } from '../../adapters/kubernetes/webhook-configurations.ts';
import {
  certificateSchedule,
  keepCertificates,
  keptConfigurations,
  usualCheckMs,
  type KeptCertificates,
  type OwnCertificates,
} from '../../controllers/certificates/keep-certificates.ts';
import type { CertificateSource } from '../../ports/certificates.ts';
import type { Events } from '../../ports/events.ts';
import type { Leadership } from '../../ports/leadership.ts';
import { UsageError } from '../usage-error.ts';
import type { CertificatesSecret } from './config.ts';
import { asSetting, type Foundation } from './foundation.ts';

export interface Certificates {
  readonly source: CertificateSource;
  /** When they are shared by a Secret. */
  readonly shared?: OwnCertificates;
  warnings(): readonly string[];
}

export async function startCertificates(base: Foundation): Promise<Certificates> {
  const certificates = await certificatesOf(base);
  base.onClose(() => certificates.source.close());
  base.metrics.servingCertificateEnds(() => new X509Certificate(certificates.source.current().cert).validToDate);
  return certificates;
}

async function certificatesOf(base: Foundation): Promise<Certificates> {
  const { tls, certificatesSecret } = base.config;
  if (!('cert' in tls) && certificatesSecret !== undefined)
    return sharedCertificates(base, certificatesSecret, tls.names);
  const made =
    'cert' in tls
      ? await fileCertificates(base, { certFile: tls.cert, keyFile: tls.key })
      : await selfSignedCertificates(base, tls);
  if (!made.ok) throw new UsageError(made.failure);
  return { source: made.value, warnings: () => [] };
}

async function sharedCertificates(
  base: Foundation,
  { name, servingMs }: CertificatesSecret,
  names: readonly string[],
): Promise<Certificates> {
  const { config, clock, log, kubeConfig } = base;
  if (kubeConfig === undefined) throw new UsageError('--certificates-secret: there is no cluster to read it from');
  const { namespace } = config;
  const { lifetimes, rotation } = certificateSchedule(servingMs);
  const store = secretStore({ kubeConfig, namespace, name, names, lifetimes });
  const made = await secretCertificates({ store, clock, log }, `Secret ${namespace}/${name}`);
  if (!made.ok) throw new UsageError(made.failure);
  const source: SecretCertificates = made.value;
  return { source, shared: { store, source, rotation }, warnings: () => source.warnings() };
}

/** Every replica looks whether the API server reaches and believes us, whatever part it has. */
export function startKeepingCertificates(
  base: Foundation,
  { shared }: Certificates,
  ports: { readonly leadership: Leadership; readonly events: Events },
): KeptCertificates | undefined {
  const { config, clock, log, kubeConfig, onClose } = base;
  if (kubeConfig === undefined) return undefined;
  const configurations = webhookConfigurations(kubeConfig, keptConfigurations);
  const service = { namespace: config.namespace, name: 'countersign', port: 443 };
  const settings = { service, heal: config.heal, checkMs: usualCheckMs };
  const kept = keepCertificates({ ...ports, configurations, clock, log }, settings, shared);
  onClose(() => kept.close());
  return kept;
}

/** Written when requests are taken, and again when the CA made here gets a successor. */
export async function keepCaFile({ config, log, onClose }: Foundation, certificates: CertificateSource): Promise<void> {
  const { caFile: file } = config;
  if (file === undefined) return;
  const write = async (): Promise<void> => {
    const { ca } = certificates.current();
    if (ca !== undefined) await writeFile(file, ca);
  };
  await asSetting('--ca-file', write());
  onClose(
    certificates.onChange(() => {
      write().catch((error: unknown) => log.error({ err: error }, 'the CA certificate could not be written'));
    }),
  );
}
