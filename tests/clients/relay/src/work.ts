// What a dashboard asks: my contracts and what is to be done, a history that loads backwards, and what is told as
// it happens.
import { graphql } from 'relay-runtime';

export const milestone = graphql`
  fragment work_milestone on Milestone @refetchable(queryName: "workMilestoneRefetchQuery") {
    id
    title
    status
    amount {
      amount
      currency
    }
    allowed
    version
  }
`;

export const contracts = graphql`
  fragment work_contracts on Viewer
  @refetchable(queryName: "workContractsPaginationQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" }) {
    contracts(first: $count, after: $cursor) @connection(key: "work_contracts_contracts") {
      edges {
        node {
          id
          title
          status
          client {
            id
            name
          }
          freelancer {
            id
            name
          }
          milestones(first: 5) {
            nodes {
              ...work_milestone
            }
          }
        }
      }
    }
  }
`;

export const history = graphql`
  fragment work_history on Contract
  @refetchable(queryName: "workHistoryPaginationQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    events(last: $count, before: $cursor) @connection(key: "work_history_events") {
      edges {
        node {
          id
          kind
          occurredAt
          subject {
            __typename
            id
            ...work_milestone @alias
          }
        }
      }
    }
  }
`;

export const dashboard = graphql`
  query workDashboardQuery($contract: ID!) {
    viewer {
      ...work_contracts
      notifications(first: 10) @connection(key: "work_dashboard_notifications") {
        edges {
          node {
            id
            kind
            readAt
            subject {
              __typename
              id
            }
          }
        }
      }
    }
    contract(id: $contract) {
      ...work_history
    }
  }
`;

export const told = graphql`
  subscription workToldSubscription($after: String, $connections: [ID!]!) {
    notificationReceived(after: $after) {
      cursor
      notification @prependNode(connections: $connections, edgeTypeName: "NotificationEdge") {
        id
        kind
        createdAt
      }
    }
  }
`;

export const happens = graphql`
  subscription workHappensSubscription($contractId: ID!, $after: String) {
    contractEvents(contractId: $contractId, after: $after) {
      id
      cursor
      kind
      subject {
        ...work_milestone @alias
      }
    }
  }
`;

export const approve = graphql`
  mutation workApproveMutation($input: MilestoneApproveInput!) {
    milestoneApprove(input: $input) {
      milestone {
        ...work_milestone
      }
      errors {
        code
        message
      }
    }
  }
`;
