/** The thread that CEL runs in. */
import { evaluateCel } from './cel/evaluate.ts';
import { serveTasks } from './messages.ts';

serveTasks(evaluateCel);
