/** Why a comparison's signal is aborted when only the server ends: what workers train of it goes on, and is found again. */
export class ServerEnds extends Error {}
