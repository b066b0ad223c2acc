/** A configuration of sleap-nn that is well, for jobs of tests. */

/** Trains a centroid. It says nothing of epochs: a job does. */
export const SAMPLE_CONFIG = `data_config: {}
model_config:
  backbone_config: unet
  head_configs:
    centroid: {}
trainer_config: {}
`;
