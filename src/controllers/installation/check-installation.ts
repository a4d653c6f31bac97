/** Looks at a cluster before Countersign is installed, and at what it finds there while it runs. Writes nothing. */
import { ok, type Result } from '../../kernel/result.ts';
import type { ClusterFacts } from '../../ports/cluster-facts.ts';
import type { Logger } from '../../ports/logger.ts';
import { expectedWebhooks } from '../certificates/judge-configuration.ts';
import {
  definitions,
  judgeDefinitions,
  judgeRegistrations,
  judgeRights,
  judgeVersion,
  rightsToInstall,
  type Findings,
} from './decide.ts';

export interface PreflightSettings {
  readonly namespace: string;
  readonly adopt: boolean;
}

/** Fails when the cluster cannot be asked. */
export async function preflight(
  facts: ClusterFacts,
  { namespace, adopt }: PreflightSettings,
): Promise<Result<Findings>> {
  const version = await facts.version();
  if (!version.ok) return version;
  const missing = await facts.missingRights(rightsToInstall(namespace));
  if (!missing.ok) return missing;
  const defined = await facts.definitions([...definitions.keys()]);
  if (!defined.ok) return defined;
  const registered = await facts.registrations(expectedWebhooks);
  if (!registered.ok) return registered;
  const all = [
    judgeVersion(version.value),
    judgeRights(missing.value),
    judgeDefinitions(defined.value, adopt),
    judgeRegistrations(registered.value, namespace),
  ];
  return ok({
    problems: all.flatMap(({ problems }) => problems),
    warnings: all.flatMap(({ warnings }) => warnings),
  });
}

export interface WatchedDefinitions {
  /** Sentences for readiness. */
  warnings(): readonly string[];
  close(): void;
}

const usualEveryMs = 10 * 60_000;
const retryMs = 10_000;

/** While it runs: whose definitions are used. They are compatible, so that this keeps nobody from working. */
export function watchDefinitions(
  { facts, log }: { readonly facts: ClusterFacts; readonly log: Logger },
  everyMs = usualEveryMs,
): WatchedDefinitions {
  let warnings: readonly string[] = [];
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const found = await facts.definitions([...definitions.keys()]);
    if (isClosed) return;
    if (found.ok) {
      const judged = judgeDefinitions(found.value, true);
      const now = [...judged.problems, ...judged.warnings];
      for (const warning of now.filter((sentence) => !warnings.includes(sentence)))
        log.warn({ reason: warning }, 'not in order');
      warnings = now;
    }
    timer = setTimeout(() => void look(), found.ok ? everyMs : Math.min(retryMs, everyMs)).unref();
  }

  void look();
  return {
    warnings: () => warnings,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
