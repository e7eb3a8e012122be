import { type Route, route } from '../handler.ts';
import { findCoordinatorApi } from '../protocol/messages/cluster-messages.ts';
import {
  consumerGroupDescribeApi,
  consumerGroupHeartbeatApi,
  deleteGroupsApi,
  describeGroupsApi,
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  listGroupsApi,
  syncGroupApi,
} from '../protocol/messages/group-messages.ts';
import { offsetCommitApi, offsetDeleteApi, offsetFetchApi } from '../protocol/messages/group-offset-messages.ts';
import { handleHeartbeat, handleJoinGroup, handleLeaveGroup, handleSyncGroup } from './classic-handlers.ts';
import { handleConsumerGroupDescribe, handleConsumerGroupHeartbeat } from './consumer-handlers.ts';
import { handleFindCoordinator } from './find-coordinator.ts';
import { handleDeleteGroups, handleDescribeGroups, handleListGroups } from './group-admin-handlers.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { handleOffsetCommit } from './offset-commit.ts';
import { handleOffsetDelete } from './offset-delete.ts';
import { handleOffsetFetch } from './offset-fetch.ts';

/** Everything about groups that a gateway answers. */
export function groupRoutes(coordinator: GroupCoordinator): readonly Route[] {
  return [
    route(findCoordinatorApi, (request, context) => handleFindCoordinator(coordinator, request, context)),
    route(joinGroupApi, (request, context) => handleJoinGroup(coordinator, request, context)),
    route(syncGroupApi, (request) => handleSyncGroup(coordinator, request)),
    route(heartbeatApi, (request) => handleHeartbeat(coordinator, request)),
    route(leaveGroupApi, (request, context) => handleLeaveGroup(coordinator, request, context)),
    route(offsetCommitApi, (request, context) => handleOffsetCommit(coordinator, request, context)),
    route(offsetFetchApi, (request, context) => handleOffsetFetch(coordinator, request, context)),
    route(offsetDeleteApi, (request) => handleOffsetDelete(coordinator, request)),
    route(listGroupsApi, (request) => handleListGroups(coordinator, request)),
    route(describeGroupsApi, (request, context) => handleDescribeGroups(coordinator, request, context)),
    route(deleteGroupsApi, (request) => handleDeleteGroups(coordinator, request)),
    route(consumerGroupHeartbeatApi, (request, context) => handleConsumerGroupHeartbeat(coordinator, request, context)),
    route(consumerGroupDescribeApi, (request) => handleConsumerGroupDescribe(coordinator, request)),
  ];
}
