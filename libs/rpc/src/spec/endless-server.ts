// A process of its own that streams without end, to be killed by a spec. Prints its address.
import { LanguageService } from '@diptych/contract';
import { RpcServer } from '../server.ts';
import { delta } from './serve.ts';

const server = new RpcServer({ address: '127.0.0.1:0' });
server.add(LanguageService, {
  async *generate() {
    for (;;) {
      yield delta('tick');
      await new Promise(setImmediate);
    }
  },
  countTokens: () => new Promise(() => undefined),
  getModel: () => Promise.resolve({}),
});
const { address } = await server.start();
process.stdout.write(`${address}\n`);
