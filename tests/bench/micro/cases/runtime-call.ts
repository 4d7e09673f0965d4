import { join } from 'node:path';
import { GraphBuilder } from '@diptych/onnx-graph';
import { type Binding, Session, Tensor } from '@diptych/onnxruntime';
import type { MicroCase, MicroScope } from '../micro-case.ts';

/** A run of a graph of one addition: what the way into ONNX Runtime and back costs. */
export const RUNTIME_CALL: readonly MicroCase[] = [
  {
    name: 'runtime/call',
    prepare: async (scope) => {
      const { session, binding } = await addition(scope);
      return { run: () => session.run(binding) };
    },
  },
  {
    name: 'runtime/call-on-the-event-loop',
    prepare: async (scope) => {
      const { session, binding } = await addition(scope);
      let running: Promise<void> | undefined;
      return {
        run: () => {
          running = session.run(binding);
        },
        settle: async () => running,
      };
    },
  },
];

async function addition({ folder, resources }: MicroScope): Promise<{ session: Session; binding: Binding }> {
  const graph = new GraphBuilder({ name: 'addition' });
  const input = graph.input('x', 'float32', [4]);
  graph.output(graph.op('Add', [input, input]), 'sum', { type: 'float32', shape: [4] });
  await graph.save(folder);
  const session = resources.use(await Session.load(join(folder, 'model.onnx'), { intraOpThreads: 1 }));
  const binding = session.createBinding();
  binding.bindInput('x', resources.use(Tensor.over('float32', [4], new Float32Array(4))));
  binding.bindOutput('sum', resources.use(Tensor.over('float32', [4], new Float32Array(4))));
  return { session, binding };
}
