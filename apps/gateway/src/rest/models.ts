import type { FastifyInstance } from 'fastify';
import { checkModel } from '../chat/check-model.ts';

/** What the routes need. */
export interface ModelsRoute {
  /** Id of the model that is served. */
  readonly model: string;
}

/** `GET /v1/models` and `GET /v1/models/:id`: the one model, in OpenAI's shape. Ids may hold slashes. */
export function models(app: FastifyInstance, { model }: ModelsRoute): void {
  const entry = { id: model, object: 'model', created: Math.floor(Date.now() / 1000), owned_by: 'diptych' };
  app.get('/v1/models', () => ({ object: 'list', data: [entry] }));
  app.get<{ Params: { '*': string } }>('/v1/models/*', (request) => {
    checkModel(request.params['*'], model);
    return entry;
  });
}
