/** The paper behind this project; the figures are those of the project's source notes on it. */
export const PAPER = "Chen et al., ICML 2025 (arXiv 2501.15955)";
