export { type CrossingInput, crossingPlot } from "./crossing.ts";
export { type GroupAccuracyInput, groupAccuracyPlot } from "./group-accuracy.ts";
export { type PerClassPlotInput, perClassPlot } from "./per-class.ts";
export { canDrawText, renderPng } from "./png.ts";
export {
  type CurvePoint,
  type TrainingCurve,
  type TrainingCurvesInput,
  trainingCurvesPlot,
} from "./training-curves.ts";
