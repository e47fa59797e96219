import type { Cell, Plan } from "./types.ts";

/** Whether a cell is there to combine all backbones. */
const isOverBackbones = ({ recipe }: Cell): boolean =>
  recipe.mode === "joint" || (recipe.mode === "post-hoc" && (recipe.over ?? "backbones") === "backbones");

/** What can be run as it is planned, and is probably not what was meant; a line each. */
export function planWarnings({ cells }: Plan): readonly string[] {
  const alone = cells.filter((cell) => cell.backbones.length === 1 && isOverBackbones(cell));
  if (alone.length === 0) return [];
  const losses = [...new Set(alone.map(({ loss }) => loss.label))];
  const does = losses.length === 1 ? "combines" : "combine";
  return [
    `${losses.join(", ")} ${does} backbones, and ${alone[0]!.backbones[0]!.label} is the only one: nothing is combined; name another under \`backbones\``,
  ];
}
