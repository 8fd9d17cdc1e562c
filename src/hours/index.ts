// The door of the hours: closing them, waiting for them, and looking at them.

export { type CloseHoursOptions, type CloseHoursReport, closeHours, defaultLatenessMs } from './close-hours.ts';
export { decodeManifest, type HourManifest, visibleManifest } from './hour-manifest.ts';
export { describeLags, type HourStatus, type HourView, type PartitionLag } from './hour-view.ts';
export { type HourCluster, readMarks } from './log-marks.ts';
