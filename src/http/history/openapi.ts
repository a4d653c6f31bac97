/** OpenAPI 3.1 of the action history. What can follow from the tables that the code reads by does. */
import {
  actionFields,
  assessmentFields,
  engines,
  statuses,
  stepFields,
  workflowFields,
  type FieldKind,
  type Fields,
} from '../../records/history/fields.ts';
import { effectivenessParameters, largestLimit, parameters, usualLimit, type ParameterName } from './parameters.ts';

const parameterSchemas: Readonly<Partial<Record<ParameterName, object>>> = {
  status: { type: 'string', enum: statuses },
  engine: { type: 'string', enum: engines },
  limit: { type: 'integer', minimum: 1, maximum: largestLimit, default: usualLimit },
};

const count = { type: 'integer', minimum: 0 };
const figures = {
  runs: count,
  completed: count,
  failed: count,
  success_rate: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    description: 'Completed, of those that completed or failed.',
  },
  mean_duration_ms: { type: 'number' },
  p95_duration_ms: { type: 'number' },
  mean_time_to_repair_ms: {
    type: 'number',
    description: "From the beginning of the workflow's first step to the end of a run that completed.",
  },
};
const alwaysThere = ['runs', 'completed', 'failed'];

const schemas = {
  Action: objectOf(actionFields),
  Workflow: {
    ...objectOf(workflowFields),
    properties: {
      ...objectOf(workflowFields).properties,
      actions: { type: 'array', minItems: 1, maxItems: 500, items: { $ref: '#/components/schemas/Step' } },
    },
    required: [...objectOf(workflowFields).required, 'actions'],
  },
  Step: objectOf(stepFields),
  Assessment: objectOf(assessmentFields),
  ActionPage: {
    type: 'object',
    required: ['actions'],
    properties: {
      actions: { type: 'array', description: 'Newest first.', items: { $ref: '#/components/schemas/Action' } },
      next: { type: 'string', description: 'Where the next, older page begins; absent on the last one.' },
    },
  },
  Figures: { type: 'object', required: alwaysThere, properties: figures },
  Effectiveness: {
    type: 'object',
    required: ['effectiveness'],
    properties: {
      effectiveness: {
        type: 'array',
        items: {
          type: 'object',
          required: ['action_type', ...alwaysThere, 'engines', 'assessments'],
          properties: {
            action_type: { type: 'string' },
            ...figures,
            engines: {
              type: 'object',
              properties: Object.fromEntries(engines.map((name) => [name, { $ref: '#/components/schemas/Figures' }])),
            },
            assessments: count,
            mean_score: { type: 'number', minimum: 0, maximum: 1 },
          },
        },
      },
    },
  },
  Created: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
  Error: {
    type: 'object',
    required: ['error'],
    properties: { error: { type: 'string', description: 'A sentence; it names the parameter or field.' } },
  },
};

const denials = {
  401: answer('Error', 'No token, or one that the cluster does not accept.'),
  403: answer('Error', 'The cluster does not let this caller do this.'),
  429: answer('Error', 'Too many tries.'),
  503: answer('Error', 'The database or the cluster cannot be asked.'),
};

export const openApi = {
  openapi: '3.1.0',
  info: {
    title: 'Action history',
    version: '1.0.0',
    description:
      'What actions were run and what came of them. Callers show a token of the cluster, which has to let them get the path, or post to it.',
  },
  security: [{ bearer: [] }],
  paths: {
    '/api/v1/audit/actions': {
      get: {
        summary: 'Records of actions, newest first',
        // Keys of the table.
        parameters: (Object.keys(parameters) as ParameterName[]).map(parameter),
        responses: { 200: answer('ActionPage', 'A page.'), ...refusals(400) },
      },
    },
    '/api/v1/audit/actions/oldest': {
      get: {
        summary: 'The record that began first',
        responses: { 200: answer('Action', 'It.'), ...refusals(400, 404) },
      },
    },
    '/api/v1/audit/actions/{workflow_uid}/{step}': {
      get: {
        summary: 'One step of one workflow',
        parameters: ['workflow_uid', 'step'].map((name) => ({
          name,
          in: 'path',
          required: true,
          schema: { type: 'string' },
        })),
        responses: { 200: answer('Action', 'It.'), ...refusals(400, 404) },
      },
    },
    '/api/v1/audit/effectiveness': {
      get: {
        summary: 'What came of the runs of each action type',
        parameters: effectivenessParameters.map(parameter),
        responses: { 200: answer('Effectiveness', 'By action type.'), ...refusals(400) },
      },
      post: posting('Assessment', 'How useful a workflow or a step was. The same assessor may say so again.'),
    },
    '/api/v1/audit/workflow': {
      post: posting('Workflow', 'All steps of a workflow that was run elsewhere.'),
    },
    '/api/v1/audit/execution': {
      post: posting('Action', 'One step: recorded or completed. What ended is not taken back to executing.'),
    },
  },
  components: { schemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
};

function posting(schema: keyof typeof schemas, summary: string) {
  return {
    summary,
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
    },
    responses: { 201: answer('Created', 'Stored.'), ...refusals(400, 413, 415) },
  };
}

function answer(schema: string, description: string) {
  return { description, content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } } };
}

function refusals(...codes: readonly (400 | 404 | 413 | 415)[]) {
  const why = {
    400: 'A parameter or a field is not as it should be.',
    404: 'There is none.',
    413: 'The body is larger than 1 MiB.',
    415: 'The body is not said to be JSON.',
  };
  return { ...Object.fromEntries(codes.map((code) => [code, answer('Error', why[code])])), ...denials };
}

function parameter(name: ParameterName) {
  return { name, in: 'query', description: parameters[name], schema: parameterSchemas[name] ?? { type: 'string' } };
}

function objectOf(fields: Fields) {
  const entries = Object.entries(fields);
  return {
    type: 'object',
    additionalProperties: false,
    required: entries.flatMap(([name, { isRequired }]) => (isRequired ? [name] : [])),
    properties: Object.fromEntries(
      entries.map(([name, { type, description }]) => [name, { ...schemaOf(type), description }]),
    ),
  };
}

function schemaOf(type: FieldKind): object {
  switch (type.kind) {
    case 'text':
      return { type: 'string', maxLength: type.longest, ...(type.mayBeEmpty === true ? {} : { minLength: 1 }) };
    case 'word':
      return { type: 'string', enum: type.words };
    case 'time':
      return { type: 'string', format: 'date-time' };
    case 'count':
      return count;
    case 'integer':
      return { type: 'integer' };
    case 'share':
      return { type: 'number', minimum: 0, maximum: 1 };
    case 'texts':
      return { type: 'array', maxItems: type.most, items: { type: 'string', minLength: 1, maxLength: type.longest } };
    case 'object':
      return { type: 'object' };
  }
}
