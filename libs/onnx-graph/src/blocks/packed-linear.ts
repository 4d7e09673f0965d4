import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { stackRows } from '../weights/weight-source.ts';
import { type LinearOptions, type LinearWeights, linear, linearFormat } from './linear.ts';

/** One of several projections of the same input. */
export interface PackedPart extends LinearWeights, LinearOptions {}

/**
 * Several projections of one input side by side: [..., in] -> [..., sum of outs]. Neighbours of one format are
 * stacked, so that they are one product; all of them have a bias, or none has.
 *
 * @param name Beginning of the stacked weights' names, unique in the graph.
 */
export function packedLinear(
  graph: GraphBuilder,
  input: Value,
  name: string,
  parts: readonly PackedPart[],
): Value {
  const groups = Array<PackedPart[]>();
  const formatOf = (part: PackedPart) => linearFormat(graph, part.weight, part);
  for (const part of parts) {
    const group = groups.at(-1);
    const [neighbour] = group ?? [];
    if (group && neighbour && formatOf(neighbour) === formatOf(part)) group.push(part);
    else groups.push([part]);
  }
  const products = groups.map((group, index) => {
    const { weight, bias } = stacked(groups.length === 1 ? name : `${name}.${index}`, group);
    return linear(graph, input, { weight, bias }, { coarsest: group[0]?.coarsest });
  });
  const [only] = products;
  return only && products.length === 1 ? only : graph.op('Concat', products, { axis: -1 });
}

function stacked(name: string, parts: readonly PackedPart[]): LinearWeights {
  const biases = parts.flatMap(({ bias }) => (bias ? [bias] : []));
  return {
    weight: stackRows(
      `${name}.weight`,
      parts.map(({ weight }) => weight),
    ),
    bias: biases.length > 0 ? stackRows(`${name}.bias`, biases) : undefined,
  };
}
