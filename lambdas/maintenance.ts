import { maintenanceHandler } from '../lib/deployed/functions.ts';

export const handler = maintenanceHandler(process.env);
