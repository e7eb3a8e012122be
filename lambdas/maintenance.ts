import { maintenanceHandler } from '../lib/deployed/maintenance-function.ts';

export const handler = maintenanceHandler(process.env);
